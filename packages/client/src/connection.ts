import { BYE, PROBE, ProtocolError, SUBPROTOCOL, writePlain } from "@wsession/protocol";
import { converse } from "./conversation.ts";
import { startTimer } from "./environment.ts";
import { watchLiveness } from "./liveness.ts";
import type { Liveness } from "./liveness.ts";
import type { Settings } from "./options.ts";
import { bytesOf, failure } from "./outgoing.ts";
import type { Page } from "./page.ts";
import type { Conversation } from "./conversation-contract.ts";

const CLOSE_MS = 3_000;

/** A WebSocket of any class, with its protocol state. */
export interface Connection {
  readonly liveness: Liveness;
  /** `undefined` until the socket is open, and if the server does not support v1.wsession. */
  conversation: Conversation | undefined;
  /** Whether the server does not support v1.wsession. */
  isPlain: boolean;
  /** Throws TOO_LARGE for a message that is longer than the server accepts. */
  sendNow(message: string | Uint8Array): boolean;
  /** Closes the socket, and ignores further events. Resolves when the socket has closed, at the latest after CLOSE_MS. */
  close(code?: number, reason?: string): Promise<void>;
}

export interface ConnectionOwner {
  /** Called if the server does not support v1.wsession. */
  plain(connection: Connection): void;
  /** Called once, and never after `close`. */
  ended(connection: Connection, code: number, reason: string): void;
}

/** Throws if the constructor of the WebSocket class throws. */
export function openConnection(
  url: string,
  protocols: string[],
  { WebSocket, silenceMs, attempts }: Settings,
  page: Page,
  owner: ConnectionOwner,
): Connection {
  const socket = new WebSocket(url, protocols);
  let hasEnded = false;
  let whenClosed: () => void = () => {};

  const send = (frame: string | Uint8Array): boolean => {
    // 1 is OPEN. A closing socket accepts data and discards it.
    const isOpen = !hasEnded && socket.readyState === 1;
    // A copy, and no `slice`: a Buffer's `slice` shares the memory, and its `buffer` may hold data of other Buffers.
    if (isOpen) socket.send(typeof frame === "string" ? frame : new Uint8Array(frame).buffer);
    return isOpen;
  };
  const end = (code: number, reason: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    connection.liveness.stop();
    connection.conversation?.ended(code);
    owner.ended(connection, code, reason);
  };
  const received = (frame: string | Uint8Array): void => {
    if (hasEnded) return;
    if (connection.isPlain)
      return page.listeners.emit("message", { data: frame, offset: undefined, replayed: false });
    connection.liveness.onFrame();
    try {
      connection.conversation?.received(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      end(4400, error.message);
      socket.close(4400, error.message);
    }
  };
  const connection: Connection = {
    liveness: watchLiveness(
      silenceMs,
      () => send(PROBE),
      () => {
        end(1006, "the server is silent");
        socket.close();
      },
    ),
    conversation: undefined,
    isPlain: false,
    sendNow(message) {
      if (connection.isPlain) return send(message);
      // The server would close the connection with 1009, and the largest numbered message in flight would reject in its place.
      if (bytesOf(message) >= page.maxMessage) throw failure("TOO_LARGE");
      return send(writePlain(message));
    },
    close(code = 1000, reason = "") {
      if (connection.conversation !== undefined) send(BYE);
      hasEnded = true;
      connection.liveness.stop();
      return new Promise((resolve) => {
        const cancel = startTimer(CLOSE_MS, resolve);
        whenClosed = () => {
          cancel();
          resolve();
        };
        // 3 is CLOSED.
        if (socket.readyState === 3) whenClosed();
        socket.close(code, reason);
      });
    },
  };

  // A Blob is read asynchronously, so messages would get out of order.
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    if (hasEnded) return;
    connection.liveness.onFrame();
    if (socket.protocol === SUBPROTOCOL) {
      connection.conversation = converse(send, page, attempts);
      return;
    }
    // The client can't check this connection: a page can't send pings, and a plain server ignores probes.
    connection.liveness.stop();
    connection.isPlain = true;
    owner.plain(connection);
  };
  socket.onmessage = ({ data }: { readonly data: string | ArrayBuffer }) => {
    // No `instanceof ArrayBuffer`: under jsdom the buffer is of another realm, and its message would get lost.
    received(typeof data === "string" ? data : new Uint8Array(data));
  };
  const onClose = ({ code, reason }: { readonly code: number; readonly reason: string }): void => {
    whenClosed();
    end(code, reason);
  };
  socket.onclose = onClose;
  // After an error the connection is lost. The class of Node.js 22 emits no close event if the handshake fails.
  socket.onerror = () => onClose({ code: 1006, reason: "" });
  return connection;
}
