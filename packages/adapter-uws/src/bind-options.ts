import type { Handshake } from "@wsession/core";
import type { HttpRequest, HttpResponse, WebSocketBehavior } from "uWebSockets.js";
import type { UserData } from "./socket.ts";

/** The options of `bindSessions`. */
export interface BindOptions {
  /**
   * Settings of the runtime. `maxPayloadLength` defaults to 100 MiB as in ws (the runtime's own default is 16 KiB),
   * `maxBackpressure` to no limit since `maxBufferedBytes` does its work. `idleTimeout`, in seconds, ends a socket that was
   * closed and whose peer no longer reads what was queued before; it defaults to more than `heartbeatMs` leaves a live peer.
   * Where `heartbeatMs` is 0, or too long for it, it defaults to its most, 960, and the runtime pings a peer that is silent
   * for that long. Your own ends live connections too that are silent for that long; with 0 nothing ends such a socket.
   */
  readonly behavior?:
    | Pick<
        WebSocketBehavior<UserData>,
        | "maxPayloadLength"
        | "maxLifetime"
        | "idleTimeout"
        | "compression"
        | "maxBackpressure"
        | "closeOnBackpressureLimit"
      >
    | undefined;
  /**
   * Chooses a subprotocol among what was offered, without a token; `undefined` for none, and so is what was not offered.
   * Default: the first. A throw answers 500 and reaches `onError`.
   */
  readonly handleProtocols?:
    | ((protocols: readonly string[], handshake: Handshake) => string | undefined)
    | undefined;
  /**
   * What `transport` is given as `found`, e.g. the route's parameters. Synchronous: the request is gone afterwards.
   * A throw answers 500 and reaches `onError`.
   */
  readonly found?: ((request: HttpRequest, response: HttpResponse) => unknown) | undefined;
  /** `"copied"` (default): a binary message is the handler's to keep. `"borrowed"`: it is valid until the first await. */
  readonly binary?: "copied" | "borrowed" | undefined;
  /** Whether the app is an SSLApp; found out by its name unless given. */
  readonly encrypted?: boolean | undefined;
}
