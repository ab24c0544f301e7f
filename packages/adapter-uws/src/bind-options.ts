import type { Handshake } from "@wsession/core";
import type { HttpRequest, HttpResponse, WebSocketBehavior } from "uWebSockets.js";
import type { UserData } from "./socket.ts";

/** The options of `bindSessions`. */
export interface BindOptions {
  /**
   * Settings of the runtime.
   *
   * - `maxPayloadLength` defaults to 100 MiB, as in ws. (The runtime's own default is 16 KiB.)
   * - `maxBackpressure` defaults to no limit, because `maxBufferedBytes` limits the backlog.
   * - `idleTimeout`, in seconds, ends a closed socket whose peer no longer reads the backlog. The default is longer than the
   *   silence of a live peer under `heartbeatMs`. If `heartbeatMs` is 0 or too long for the runtime's maximum of 960, the
   *   default is 960, and the runtime pings a peer that has been silent for that long. A value of your own also ends live
   *   connections that are silent for that long. With 0 the runtime never ends such a socket.
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
   * Chooses one of the offered subprotocols, without tokens. Return `undefined` to choose none. A subprotocol that was not
   * offered counts as none. Must be synchronous. If the function throws, the handshake is answered with 500 and `onError` gets
   * the error.
   *
   * @default the first one that was offered
   */
  readonly handleProtocols?:
    | ((protocols: readonly string[], handshake: Handshake) => string | undefined)
    | undefined;
  /**
   * Returns the value that `admit` and `transport` get as `found`, e.g. the parameters of the route. Must be synchronous, because
   * the request is invalid afterwards. If the function throws, the handshake is answered with 500 and `onError` gets the error.
   *
   * @default a function that returns `undefined`
   */
  readonly found?: ((request: HttpRequest, response: HttpResponse) => unknown) | undefined;
  /**
   * `"copied"`: a handler may keep a binary message. `"borrowed"`: the message is valid only until the
   * handler's first await.
   *
   * @default "copied"
   */
  readonly binary?: "copied" | "borrowed" | undefined;
  /**
   * Whether the connection is encrypted.
   *
   * @default whether the app is an SSLApp, by the name of its class
   */
  readonly encrypted?: boolean | undefined;
}
