import { setTimeout as wait } from "node:timers/promises";
import type { ServerProcess } from "../kit/server-process.ts";
import type { Peer, PeerState } from "./peers.ts";

/** A server, and its client. */
export interface Side {
  readonly server: ServerProcess;
  open(before: PeerState | undefined): Promise<Peer>;
}

export async function untilDisconnected({ server }: Side): Promise<void> {
  while ((await server.ask("connections"))["connections"] !== 0) await wait(1);
}

export function close({ connection }: Peer): void {
  connection.onClose = () => undefined;
  connection.destroy();
}
