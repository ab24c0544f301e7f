import type { Handshake } from "../handshake/handshake.ts";
import type { CloseInfo, Connection, ReplayEvent } from "./contract.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The application's handlers. The result of a handler is ignored, unless it is a promise, which is awaited. The handlers are
 * properties and not methods, so that the compiler refuses handlers that rely on `initial` where that option is absent.
 */
export interface Handlers<
  Data extends object = object,
  Transport = unknown,
  Unset extends undefined = undefined,
  Context = unknown,
  Socket = unknown,
> {
  /** Called first, once. No message is handled until this handler has settled (I1). */
  readonly open?:
    | ((connection: Connection<Data, Transport, Unset, Context, Socket>, handshake: Handshake) => unknown)
    | undefined;
  /**
   * Called when a client has resumed its session: after `open` has settled, for a client of `v1.wsession` also after its
   * attach. The first message waits until this handler has settled. Called for raw connections too. An error of the handler
   * closes the connection like an error of `message` (I12).
   */
  readonly resumed?:
    | ((connection: Connection<Data, Transport, Unset, Context, Socket>, event: ReplayEvent) => unknown)
    | undefined;
  /**
   * Called with each message once, in order, one at a time (I2). An error of the handler closes the connection: with 4503 for
   * an error of the store, else with 1011 (I12). A server that only sends needs no such handler. But if a client of `v1.wsession`
   * sends a message that no handler takes, `onError` gets an error once, and `client.send` rejects with HANDLER_FAILED.
   */
  readonly message?:
    | ((
        connection: Connection<Data, Transport, Unset, Context, Socket>,
        data: string | Uint8Array,
      ) => unknown)
    | undefined;
  /**
   * Called with each numbered message of a client of `v1.wsession` (`client.send`), in order, one at a time. Once the handler has
   * settled, the changes that it staged with `transaction` are committed together with the message's number, so that each message
   * counts exactly once (I21). If another writer changed the session meanwhile, the handler runs again.
   *
   * If the handler throws, no change is committed. A TransactionRefused rejects the client's `send` with the same code and detail.
   * Any other error is reported to `onError`, and rejects the client's `send` with HANDLER_FAILED. The connection stays. A handler
   * that does not settle within `handlerTimeoutMs` has failed. Without this handler numbered messages go to `message`, at least
   * once. Needs a store with `commit`.
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
    | ((transaction: Transaction<Data, Transport, Context, Socket>, message: string | Uint8Array) => unknown)
    | undefined;
  /**
   * Called after a handle other than that of this connection changed the session; `data` is the current data. The handler runs
   * after the code that wrote, never inside that code, and before the writer's `await` resumes. Changes of one tick make one call.
   * The handler's promise is not awaited. An error of the handler closes the connection, as for `message` (I12).
   */
  readonly change?:
    | ((connection: Connection<Data, Transport, Unset, Context, Socket>, data: Readonly<Data>) => unknown)
    | undefined;
  /**
   * Called `expiringMs` before a deadline of the session, once for each deadline. `remainingMs`: milliseconds until the deadline.
   * `"absolute"`: `session.extend()` moves the deadline. `"idle"`: the next message of the client, or `session.touch()`, moves it;
   * if the session is touched meanwhile, the handler is not called. For an idle time that is not above `expiringMs` the call comes
   * after half of the idle time. With `idleFrom: "disconnect"` there is no idle deadline to announce.
   */
  readonly expiring?:
    | ((
        connection: Connection<Data, Transport, Unset, Context, Socket>,
        remainingMs: number,
        deadline: "absolute" | "idle",
      ) => unknown)
    | undefined;
  /**
   * Called after `send` has returned `"queued"`, once all data has been handed to the operating system. The handler's promise is
   * not awaited.
   */
  readonly drain?: ((connection: Connection<Data, Transport, Unset, Context, Socket>) => unknown) | undefined;
  /** Called last, exactly once if `open` was called. `connection.session` is unchanged (I4). */
  readonly close?:
    | ((connection: Connection<Data, Transport, Unset, Context, Socket>, event: CloseInfo) => unknown)
    | undefined;
}
