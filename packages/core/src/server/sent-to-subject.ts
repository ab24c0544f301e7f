import type { Sent } from "@wsession/protocol";

/** In how many sessions of a subject a message is kept, and for how many sessions the call failed. */
export interface SentToSubject {
  readonly sessions: number;
  readonly failed: number;
}

/** A session that is gone counts neither as kept nor as failed. */
export async function countSent(sends: readonly Promise<Sent | undefined>[]): Promise<SentToSubject> {
  const sent = await Promise.allSettled(sends);
  const failed = sent.filter(({ status }) => status === "rejected").length;
  const sessions = sent.filter((one) => one.status === "fulfilled" && one.value !== undefined).length;
  return { sessions, failed };
}
