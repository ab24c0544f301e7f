import type { TestedOptions } from "../client-harness.ts";
import type { ClientTrial, WatchedClient } from "../client-trial.ts";
import type { ScriptedPeer, ScriptedServer } from "../scripted-server.ts";

/** A client, with the server's side of its first connection. */
export interface ConnectedClient extends WatchedClient {
  readonly server: ScriptedServer;
  readonly peer: ScriptedPeer;
  readonly attach: Awaited<ReturnType<ScriptedPeer["attach"]>>;
}

/** Connects a client, and reads its attach. The case sends hello. */
export async function attachedClient(
  trial: ClientTrial,
  options?: Partial<TestedOptions>,
): Promise<ConnectedClient> {
  const server = await trial.listen();
  const watched = trial.connect(server, options);
  const peer = await server.peer();
  return { ...watched, server, peer, attach: await peer.attach() };
}

/** As `attachedClient`, after hello. */
export async function greetedClient(
  trial: ClientTrial,
  options?: Partial<TestedOptions>,
): Promise<ConnectedClient> {
  const connected = await attachedClient(trial, options);
  connected.peer.hello();
  return connected;
}

/** As `greetedClient`, once the client is live. */
export async function liveClient(
  trial: ClientTrial,
  options?: Partial<TestedOptions>,
): Promise<ConnectedClient> {
  const connected = await greetedClient(trial, options);
  await connected.until("status", ({ status }) => status === "live");
  return connected;
}

/** As `liveClient`, after the loss of the connection. The client waits for its next attempt. */
export async function cutOffClient(trial: ClientTrial): Promise<ConnectedClient> {
  const connected = await liveClient(trial);
  connected.peer.cut();
  await connected.until("status", ({ status }) => status === "waiting");
  return connected;
}

/** Cuts the connection of a client. Resolves with the client's next connection, and its attach. */
export async function nextConnection(
  server: ScriptedServer,
  peer: ScriptedPeer,
): Promise<{ readonly next: ScriptedPeer; readonly attach: ConnectedClient["attach"] }> {
  peer.cut();
  const next = await server.peer();
  return { next, attach: await next.attach() };
}
