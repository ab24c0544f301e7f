import type { Redis } from "ioredis";

/** What a client sends, as it sends it. */
export interface SentCommands {
  count: number;
  readonly last: readonly string[];
}

/** Counts the commands that a client hands to its connection from now on, and keeps the last one's arguments. */
export function watchCommands(client: Redis): SentCommands {
  const sent: { count: number; last: string[] } = { count: 0, last: [] };
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    sent.count += 1;
    sent.last = [command.name, ...command.args.map(String)];
    return send(command, stream);
  };
  return sent;
}
