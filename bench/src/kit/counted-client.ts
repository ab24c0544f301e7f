import type { Redis } from "ioredis";

/** The commands that a client has sent. */
export interface SentCommands {
  count: number;
  readonly last: readonly string[];
}

/**
 * Counts the scripts that a store sends, and keeps the arguments of the last one. Call this before the store is created,
 * because the store's client for commands is its first duplicate of the application's client.
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
