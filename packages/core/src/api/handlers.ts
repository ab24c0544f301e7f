import type { Handshake } from "../handshake/handshake.ts";
import type { Connection, ReplayEvent } from "./contract.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The application's handlers. The result of a handler is ignored, unless it is a promise, which is awaited. The handlers are
 * properties and not methods, so that the compiler refuses handlers that rely on `initial` where that option is absent.
 */
export interface Handlers<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
> {
  /** Called first, once. No message is handled until this handler has settled (I1). */
  readonly open?:
    | ((connection: Connection<Data, Transport, Unset>, handshake: Handshake) => unknown)
    | undefined;
  /**
   * Called when a client has resumed its session: after `open` has settled, for a client of `v1.wsession` also after its
   * attach. The first message waits until this handler has settled. Called for raw connections too. An error of the handler
   * closes the connection like an error of `message` (I12).
   */
  readonly resumed?:
    | ((connection: Connection<Data, Transport, Unset>, event: ReplayEvent) => unknown)
    | undefined;
  /**
   * Called with each message once, in order, one at a time (I2). An error of the handler closes the connection: with 4503 for
   * an error of the store, else with 1011 (I12).
   */
  readonly message?:
    | ((connection: Connection<Data, Transport, Unset>, data: string | Uint8Array) => unknown)
    | undefined;
  /**
   * Called with each numbered message of a client of `v1.wsession` (`client.send`), in order, one at a time. What the handler stages with
   * `transaction` is committed together with the message's number, once the handler has settled, so that each message counts exactly
   * once (I21). The handler runs again where another writer changed the session meanwhile. What it throws commits nothing: a
   * TransactionRefused rejects the client's `send` with the same code and detail; anything else is reported to `onError` and rejects
   * with HANDLER_FAILED. The connection stays. A handler that does not settle within `handlerTimeoutMs` has failed. Without this
   * handler numbered messages go to `message`, at least once. Needs a store that keeps messages.
   *
   * @example
   * transaction(tx, message) {
   *   const { bid } = JSON.parse(String(message));
   *   if (bid <= tx.data.highest) throw new TransactionRefused("outbid", { detail: { highest: tx.data.highest } });
   *   tx.patch({ highest: bid });
   *   tx.send(JSON.stringify({ accepted: bid }));
   * }
   */
  readonly transaction?:
    | ((transaction: Transaction<Data, Transport>, message: string | Uint8Array) => unknown)
    | undefined;
  /**
   * Called where anyone but this connection's own handle changed the session; `data` is the data now. The handler runs after
   * the code that wrote, never inside of it, and before the writer's `await` goes on. Changes of one tick make one call. The
   * handler's promise is not awaited. What it throws or rejects with closes the connection, as for `message` (I12).
   */
  readonly change?:
    | ((connection: Connection<Data, Transport, Unset>, data: Readonly<Data>) => unknown)
    | undefined;
  /** Called once the session's absolute deadline is less than the option `expiringMs` away: `remainingMs`, milliseconds. */
  readonly expiring?:
    | ((connection: Connection<Data, Transport, Unset>, remainingMs: number) => unknown)
    | undefined;
  /** Called after a `"queued"`, once everything has been handed to the operating system. Not awaited, as `change`. */
  readonly drain?: ((connection: Connection<Data, Transport, Unset>) => unknown) | undefined;
  /** Called last, exactly once if `open` was called. `connection.session` is as it was (I4). */
  readonly close?:
    | ((
        connection: Connection<Data, Transport, Unset>,
        event: { readonly code: number; readonly reason: string },
      ) => unknown)
    | undefined;
}
