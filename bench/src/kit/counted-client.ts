import type { Redis } from "ioredis";

/** What a client sends, as it sends it. */
export interface SentCommands {
  count: number;
  readonly last: readonly string[];
}

/**
 * Counts the scripts that a store hands to its own connection, and keeps the last one's arguments. To be called before the
 * store is made: its client for commands is the first copy that it makes of the application's.
 */
export function watchStore(client: Redis): SentCommands {
  const sent: { count: number; last: string[] } = { count: 0, last: [] };
  const duplicate = client.duplicate.bind(client);
  let made = 0;
  client.duplicate = (options) => {
    const own = duplicate(options);
    made += 1;
    if (made === 1) watch(own, sent);
    return own;
  };
  return sent;
}

function watch(own: Redis, sent: { count: number; last: string[] }): void {
  const send = own.sendCommand.bind(own);
  own.sendCommand = (command, stream) => {
    if (command.name === "evalsha") {
      sent.count += 1;
      sent.last = [command.name, ...command.args.map(String)];
    }
    return send(command, stream);
  };
}
