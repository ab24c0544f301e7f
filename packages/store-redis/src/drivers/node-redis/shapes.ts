// The members of node-redis' classes that the driver uses. The store does not import the library, because the
// application may have any version of it.

export interface SocketOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly connectTimeout?: number | undefined;
  readonly reconnectStrategy?: unknown;
  readonly [option: string]: unknown;
}

export interface ClientOptions {
  readonly socket?: SocketOptions | undefined;
  readonly name?: string | undefined;
  readonly readonly?: boolean | undefined;
  readonly keyPrefix?: unknown;
  readonly [option: string]: unknown;
}

/** The members of an AbortSignal that node-redis uses. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

interface Emitter {
  on(event: string, listener: (error: unknown) => void): unknown;
  off(event: string, listener: (error: unknown) => void): unknown;
}

/** A client of one server. */
export interface ServerRedis extends Emitter {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  readonly options?: ClientOptions | undefined;
  connect(): Promise<unknown>;
  destroy(): unknown;
  duplicate(overrides: ClientOptions): ServerRedis;
  sendCommand(words: readonly string[], options?: { readonly abortSignal: Signal }): Promise<unknown>;
  subscribe(channels: string[], listener: (text: string, channel: string) => void): Promise<unknown>;
  sSubscribe(channel: string, listener: (text: string, channel: string) => void): Promise<unknown>;
  sUnsubscribe(channel: string): Promise<unknown>;
}

export function isServerRedis(value: object): value is ServerRedis {
  return (
    hasMethods(value, ["sendCommand", "duplicate", "connect", "destroy", "subscribe", "sSubscribe"]) &&
    "isOpen" in value &&
    typeof value.isOpen === "boolean" &&
    "isReady" in value &&
    typeof value.isReady === "boolean" &&
    !("masters" in value)
  );
}

export function hasMethods(value: object, names: readonly string[]): boolean {
  const members = new Map<string, unknown>();
  for (const name of names) members.set(name, Reflect.get(value, name));
  return [...members.values()].every((member) => typeof member === "function");
}
