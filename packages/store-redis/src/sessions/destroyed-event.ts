import type { Presence } from "../presence/presence.ts";
import type { Services } from "../holders/services.ts";
import { destroy, type DestroyCommand, type DestroyReply } from "../commands/destroy.ts";
import { unexpected } from "../commands/reply.ts";

/**
 * Destroys a session, and ensures that its event `destroyed` is handled. If this process has a function for the event, it handles
 * the event. Otherwise, if any holder of the session had a function for the event, the event waits for a process with a function.
 * In both cases the session is listed before it is destroyed, because otherwise no process would handle the event if this process
 * died after the destruction.
 */
export async function destroyWithEvent(
  services: Services,
  presence: Presence | undefined,
  command: Omit<DestroyCommand, "event" | "tombstoneMs">,
): Promise<Exclude<DestroyReply, { type: "unlisted" }>> {
  const { calls, recording, settings, unclaimed } = services;
  const { id, deadline } = command;
  const { tombstoneMs } = settings;
  const isWanted = recording.isOn && recording.events.has("destroyed");
  // Redis may refuse the list at maxmemory. A session that should end must end nevertheless, so the session is listed afterwards.
  const listed = (listing: Promise<void> | undefined) => listing?.catch(() => undefined);
  try {
    if (isWanted) await listed(presence?.list(id, calls.timeoutMs, deadline));
    const event = isWanted ? "wanted" : "unlisted";
    let reply = await destroy(services, { ...command, tombstoneMs, event });
    if (reply.type === "unlisted") {
      // Due only after the deadline of the destruction: a look at a session that still lives would remove the entry.
      await listed(unclaimed.list(id, "destroyed", calls.timeoutMs, deadline));
      reply = await destroy(services, { ...command, tombstoneMs, event: "listed" });
      if (reply.type === "unlisted") throw unexpected();
      if (reply.type === "destroyed") unclaimed.listNow(id, "destroyed");
    }
    if (reply.type === "destroyed" && reply.subject !== undefined && (recording.isOn || reply.wasRecorded))
      presence?.ended(id, { subject: reply.subject, type: "offline", stamp: reply.stamp });
    if (isWanted) presence?.lookNow(id);
    return reply;
  } catch (error) {
    if (isWanted) presence?.lookSoon(id);
    throw error;
  }
}
