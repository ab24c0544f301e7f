// The members of node-redis' classes that the driver uses. The store does not import the library, because the
// application may have any version of it.
import { hasMethods } from "../../base/has-methods.ts";

/** A server's address, in place of the one in the options. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

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
  readonly database?: number | undefined;
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

/** A node of a Cluster. `address` is the name that the Cluster gives it. */
export interface ClusterNode {
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

/** The option by which an application maps the addresses that a Cluster names. */
export type NodeAddressMap =
  | Readonly<Record<string, Partial<Address>>>
  | ((address: string) => Partial<Address> | undefined);

/** A client of a Cluster. */
export interface ClusterRedis extends Emitter {
  /** Since node-redis 5.5. */
  readonly _options?: { readonly nodeAddressMap?: NodeAddressMap | undefined } | undefined;
  readonly isOpen: boolean;
  /** By slot. */
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[];
  readonly masters: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  connect(): Promise<unknown>;
  destroy(): unknown;
  duplicate(overrides: {
    readonly minimizeConnections: boolean;
    readonly useReplicas: boolean;
  }): ClusterRedis;
  nodeClient(node: ClusterNode): ServerRedis | Promise<ServerRedis>;
}

/** A client that gets the address of the primary from Sentinel. */
export interface SentinelRedis extends Emitter {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  getMasterNode(): { readonly host: string; readonly port: number } | undefined;
  _execute(isReadonly: boolean, use: (client: ServerRedis) => Promise<void>): Promise<void>;
}

export function isClusterRedis(value: object): value is ClusterRedis {
  return (
    hasMethods(value, ["sendCommand", "duplicate", "connect", "destroy", "nodeClient"]) &&
    "isOpen" in value &&
    "slots" in value &&
    "masters" in value
  );
}

export function isSentinelRedis(value: object): value is SentinelRedis {
  return "isOpen" in value && hasMethods(value, ["sendCommand", "getMasterNode", "_execute"]);
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
