import { randomBytes } from "node:crypto";
import type { Connection } from "../api/contract.ts";
import type { LiveConnection } from "./connection.ts";
import { NumberedList } from "./numbered-list.ts";

/** A connection of any runtime: the members of `LiveConnection` that do not depend on the type of the socket. */
export type AnyConnection<Data extends object> = Connection<Data, unknown, never> &
  Pick<
    LiveConnection<Data, object>,
    | "number"
    | "isEnding"
    | "state"
    | "end"
    | "endHandled"
    | "forceFinish"
    | "excludeFromShutdown"
    | "heartbeat"
    | "announceEnd"
    | "canMove"
  > & { readonly binding: object };

/** This process's connections, from `open` of the binding until their close handler has settled. */
export class Connections<Data extends object> implements Iterable<AnyConnection<Data>> {
  /** Distinguishes this process's connections from those of other processes, in logs. */
  readonly prefix: string = randomBytes(6).toString("base64url");
  readonly #byNumber = new NumberedList<AnyConnection<Data>>();
  #last = 0;
  #live = 0;

  /** How many connections are live: neither ended, nor being ended by this side. */
  get size(): number {
    return this.#live;
  }

  /**
   * The live connections that exist when the iteration begins. Later connections are left out, because otherwise a loop that is
   * slower than new connections arrive would never end.
   */
  *[Symbol.iterator](): Iterator<AnyConnection<Data>> {
    const last = this.#last;
    for (const connection of this.#byNumber)
      if (connection.number <= last && !connection.isEnding) yield connection;
  }

  /** The connections of one binding, also those whose close handler has not settled yet. */
  *of(binding: object): Iterable<AnyConnection<Data>> {
    for (const connection of this.#byNumber) if (connection.binding === binding) yield connection;
  }

  nextNumber(): number {
    return (this.#last += 1);
  }

  add(connection: AnyConnection<Data>): void {
    this.#byNumber.add(connection);
    this.#live += 1;
  }

  ended(): void {
    this.#live -= 1;
  }

  /** Returns false for a connection that was removed already. */
  remove(connection: AnyConnection<Data>): boolean {
    return this.#byNumber.remove(connection);
  }

  /** Finds a connection by its id, which is `prefix-number`. */
  find(id: string): AnyConnection<Data> | undefined {
    if (!id.startsWith(`${this.prefix}-`)) return undefined;
    const found = this.#byNumber.find(Number.parseInt(id.slice(this.prefix.length + 1), 36));
    // `parseInt` ignores trailing characters, so compare the whole id.
    return found?.id === id ? found : undefined;
  }
}
