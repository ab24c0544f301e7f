// Clients that receive kept messages: one for v1.wsession, and one for Socket.IO's recovery. Both use plain TCP.
import { randomBytes } from "node:crypto";
import {
  DECOY_SUBPROTOCOL,
  parseKept,
  parseServerControl,
  SUBPROTOCOL,
  writeAttach,
  type Position,
} from "@wsession/protocol";
import { Deferred } from "../kit/deferred.ts";
import { RawConnection } from "../kit/raw-connection.ts";

export interface Peer {
  readonly connection: RawConnection;
  /** Called for each message of the application, kept or not. */
  onKept: () => void;
  /** Kept messages that arrived before `onKept` was set. */
  readonly seen: number;
  /** The state that the peer's next connection needs. */
  readonly state: PeerState;
}

/** The state of a client that outlives a connection. */
export interface PeerState {
  readonly id: string;
  readonly secret: string;
  /** For Socket.IO: the offset of the last packet. */
  offset: string;
  /** For v1.wsession: the members of the next attach. */
  position: Position | undefined;
}

/** A client of v1.wsession. With a state it resumes a session. It counts kept messages only if `reads` is true. */
export async function framedPeer(port: number, before: PeerState | undefined, reads: boolean): Promise<Peer> {
  const path = before === undefined ? "/" : `/?token=${before.secret}`;
  const headers = { "Sec-WebSocket-Protocol": `${DECOY_SUBPROTOCOL}, ${SUBPROTOCOL}` };
  let peer: Peer | undefined;
  const early: string[] = [];
  const hello = new Deferred<PeerState>();
  const connection = await RawConnection.open({ port, path, headers }, (raw) => {
    raw.wantsPayloads = true;
    raw.onMessage = (payload) => {
      const frame = payload?.toString() ?? "";
      if (frame.startsWith("=")) {
        if (peer === undefined) return void early.push(frame);
        take(peer, frame, reads);
      } else if (frame.startsWith("-")) peer?.onKept();
      else if (frame.startsWith(".h")) {
        const control = parseServerControl(frame);
        if (control.type !== "hello") return hello.reject(new Error(`no hello: ${frame}`));
        const { session: id = "", token: secret = before?.secret ?? "", at } = control;
        hello.resolve({ id, secret, offset: "", position: before?.position ?? at });
      }
    };
    raw.onClose = () => hello.reject(new Error("the server closed the connection"));
  });
  const attach = {
    client: randomBytes(12).toString("base64url"),
    session: before?.id,
    from: 1,
    known: 0,
    mark: 0,
    at: before?.position,
    witness: undefined,
    fresh: before === undefined,
  };
  connection.send(writeAttach(attach));
  peer = { connection, seen: 0, onKept: () => undefined, state: await hello.promise };
  for (const frame of early) take(peer, frame, reads);
  return Object.assign(peer, { seen: early.length });
}

function take(peer: Peer, frame: string, reads: boolean): void {
  if (reads) {
    const { chain } = parseKept(frame);
    peer.state.position = { offset: (peer.state.position?.offset ?? 0) + 1, chain };
  }
  peer.onKept();
}

/** A client of Socket.IO with connection state recovery. With a state it recovers that state. */
export async function socketioPeer(port: number, before: PeerState | undefined): Promise<Peer> {
  const path = "/socket.io/?EIO=4&transport=websocket";
  const connected = new Deferred<PeerState>();
  let peer: Peer | undefined;
  let early = 0;
  let offset = before?.offset ?? "";
  const connection = await RawConnection.open({ port, path }, (raw) => {
    raw.wantsPayloads = true;
    raw.onMessage = (payload) => {
      const packet = payload?.toString() ?? "";
      if (packet.startsWith("0")) {
        const auth =
          before === undefined ? "" : JSON.stringify({ pid: before.secret, offset: before.offset });
        raw.send(`40${auth}`);
      } else if (packet.startsWith("40")) {
        const { sid, pid }: { sid: string; pid: string } = JSON.parse(packet.slice(2));
        connected.resolve({ id: sid, secret: pid, offset, position: undefined });
      } else if (packet.startsWith("42")) {
        const parts: readonly string[] = JSON.parse(packet.slice(2));
        // With recovery the last argument of each packet is its offset.
        offset = parts.at(-1) ?? "";
        if (peer === undefined) return void (early += 1);
        peer.state.offset = offset;
        peer.onKept();
      } else if (packet === "2") raw.send("3");
    };
    raw.onClose = () => connected.reject(new Error("the server closed the connection"));
  });
  const state = await connected.promise;
  peer = { connection, seen: early, onKept: () => undefined, state };
  peer.state.offset = offset;
  return peer;
}
