import { mapStore } from "@wsession/core";
import type {
  Awaitable,
  Connection,
  Handlers,
  Handshake,
  Sessions,
  SessionStore,
  StoreEvent,
  StoreHost,
} from "@wsession/core";
import type { Runtime, RuntimeBinding, RuntimeConnection } from "@wsession/core/runtime";
import { aHandshake } from "./handshakes.ts";

/** A socket without a network: records what core did to it. */
export class MemorySocket {
  readonly sent: (string | Uint8Array)[] = [];
  readonly calls: string[] = [];
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  connection: RuntimeConnection | undefined;
}

/** A runtime whose peers answer close frames at once. */
export const memoryRuntime: Runtime<MemorySocket> = {
  name: "ws",
  speaksSubprotocol: true,
  connectionOf: (socket) => (socket instanceof MemorySocket ? socket.connection : undefined),
  send(socket, data) {
    socket.sent.push(data);
    return "sent";
  },
  bufferedAmount: () => 0,
  awaitDrain: () => undefined,
  close(socket, code, reason) {
    socket.closedWith = { code, reason };
    queueMicrotask(() => socket.connection?.ended(code, reason));
  },
  terminate(socket) {
    socket.closedWith = { code: 1006, reason: "" };
    queueMicrotask(() => socket.connection?.ended(1006, ""));
  },
  heartbeat: (socket) => void socket.calls.push("heartbeat"),
  pause: (socket) => void socket.calls.push("pause"),
  resume: (socket) => void socket.calls.push("resume"),
};

export interface Opened<Data extends object, Unset extends undefined> {
  readonly socket: MemorySocket;
  readonly connection: Connection<Data, unknown, Unset>;
  /** Receives a message. */
  receive(data: string | Uint8Array): void;
}

/** A server without a network, bound to the sessions. */
export function serveInMemory<Data extends object, Unset extends undefined>(
  sessions: Sessions<Data, unknown, Unset>,
  handlers: Handlers<Data, unknown, Unset> = {},
) {
  const binding: RuntimeBinding<MemorySocket> = sessions.bind(memoryRuntime, handlers);
  return {
    binding,
    async connect(handshake: Partial<Handshake> = {}): Promise<Opened<Data, Unset>> {
      const answer = await binding.admit(aHandshake(handshake), undefined);
      if (answer.type === "reject") throw new Error(`refused with ${answer.status}`);
      const socket = new MemorySocket();
      const runtimeConnection = binding.open(socket, answer.ticket);
      socket.connection = runtimeConnection;
      const connection = sessions.of(socket);
      if (connection === undefined) throw new Error("the connection is not found by its socket");
      return { socket, connection, receive: (data) => runtimeConnection.receive(data) };
    },
  };
}

/**
 * A stand-in for a store that is shared with other processes, without a network: its replies are
 * asynchronous, and the test plays the other processes.
 */
export function sharedStore(): SessionStore & {
  /** Names of the calls, in order. */
  readonly calls: string[];
  /** Delivers an event of another process. */
  notify(event: StoreEvent): number;
  /** The store as another process uses it, without events for this one. */
  readonly behindTheBack: SessionStore;
} {
  const inner: SessionStore = mapStore();
  const calls: string[] = [];
  let host: StoreHost | undefined;
  const asked = async <Answer>(name: string, answer: () => Awaitable<Answer>): Promise<Answer> => {
    calls.push(name);
    await Promise.resolve();
    return answer();
  };
  return {
    calls,
    behindTheBack: inner,
    notify: (event) => host?.notify(event) ?? 0,
    capabilities: { resumable: true, shared: true, values: "any" },
    attach(given) {
      host = given;
      inner.attach({ held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined });
    },
    create: (request) => asked("create", () => inner.create(request)),
    resume: (request) => asked("resume", () => inner.resume(request)),
    load: (id) => asked("load", () => inner.load(id)),
    write: (request) => asked("write", () => inner.write(request)),
    touch: (id, idleMs, absoluteMs) => asked("touch", () => inner.touch(id, idleMs, absoluteMs)),
    rotate: (request) => asked("rotate", () => inner.rotate(request)),
    destroy: (id, reason, confirm) => asked("destroy", () => inner.destroy(id, reason, confirm)),
    release: (id) => asked("release", () => inner.release(id)),
    ids: () => inner.ids(),
    bySubject: (subject) => asked("bySubject", () => inner.bySubject(subject)),
    destroySubject: (subject, reason) => asked("destroySubject", () => inner.destroySubject(subject, reason)),
    presence: (id) => asked("presence", () => inner.presence(id)),
    close: () => inner.close(),
  };
}
