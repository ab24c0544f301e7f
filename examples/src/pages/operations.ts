// The code of docs/operations.md about a restored backup.
import { createSessions, mapStore } from "@wsession/core";

export async function main(): Promise<string[]> {
  const lastTrusted = 2;
  const sessions = createSessions<{ readonly loggedInAt: number }>({ store: mapStore() });
  for (const loggedInAt of [1, 2, 3]) await sessions.create({ loggedInAt });
  // #region restored
  for await (const session of sessions.entries()) {
    if (session.data.loggedInAt < lastTrusted) await session.destroy("restored from a backup");
  }
  // #endregion
  const left: string[] = [];
  for await (const session of sessions.entries()) left.push(`logged in at ${session.data.loggedInAt}`);
  await sessions.close();
  return left;
}
