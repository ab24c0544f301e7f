import type { Client, ClientEvents } from "@wsession/client";

/** Resolves with the next event of this type. */
export function nextEvent<Type extends keyof ClientEvents>(
  client: Client,
  type: Type,
): Promise<ClientEvents[Type]> {
  return new Promise((resolve) => {
    const off = client.on(type, (event) => {
      off();
      resolve(event);
    });
  });
}

/** Resolves with the texts of the next `count` messages. */
export function nextMessages(client: Client, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const texts: string[] = [];
    const off = client.on("message", ({ data, replayed }) => {
      texts.push(replayed ? `${data.toString()} (kept)` : data.toString());
      if (texts.length < count) return;
      off();
      resolve(texts);
    });
  });
}
