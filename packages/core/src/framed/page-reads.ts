/** Reads of an outbox for one connection. A page is read in a slot, because the pages of all replays take memory together. */
import type { Position } from "@wsession/protocol";
import type { Deadlines } from "../base/deadlines.ts";
import { GONE } from "../base/endings.ts";
import { asStoreError, goneError, SessionError } from "../base/errors.ts";
import type { LocalSession } from "../session/local-session.ts";
import { PAGE_BYTES } from "../session/outbox-stream.ts";
import type { ReadResult } from "../store/outbox-contract.ts";
import { pageSlots } from "./page-slots.ts";

export type Page = Extract<ReadResult, { type: "read" }>;

/** A page in memory, and the function that releases its slot. */
export interface PageWithSlot {
  readonly page: Page;
  readonly release: () => void;
}

/** The part of a connection that the reads use. */
export interface PageConnection {
  readonly isEnding: boolean;
  readonly deadlines: Deadlines;
}

/** A page after `from`. */
export interface PageRequest {
  readonly from: Position;
  readonly witness: Position | undefined;
  /** The client's id if the store has to keep messages until this client has read them (`whenFull: "refuse"`). */
  readonly reader: string | undefined;
}

/** Rejects if the store fails, and if the session is gone. */
export async function readOutbox<Data extends object>(
  state: LocalSession<Data>,
  { from, witness, reader, maxBytes }: PageRequest & { readonly maxBytes: number },
): Promise<Page> {
  const { context, id } = state;
  const { maxAgeMs } = context.settings.outbox;
  const named = reader === undefined ? undefined : { name: reader, maxAgeMs };
  context.calls.begin();
  try {
    const result = await context.store.read?.({ id, from, witness, maxBytes, reader: named });
    if (result?.type !== "read") {
      state.endSession(GONE);
      throw goneError();
    }
    return result;
  } catch (error) {
    throw asStoreError(error);
  } finally {
    context.calls.end();
  }
}

/**
 * Waits for a slot, and reads a page. Resolves with `undefined` if the connection ended meanwhile: a client that has left costs
 * no read. Rejects with STORE_UNAVAILABLE if the slot and the read take longer than `handshakeTimeoutMs` together. Otherwise many
 * clients of a store that hangs would time out slowly, one group of slots after the other.
 */
export function takePage<Data extends object>(
  connection: PageConnection,
  state: LocalSession<Data>,
  request: () => PageRequest,
): Promise<PageWithSlot | undefined> {
  let isLate = false;
  const isAborted = () => isLate || connection.isEnding;
  const take = async (): Promise<PageWithSlot | undefined> => {
    if (isAborted()) return undefined;
    const release = await pageSlots.acquire();
    let taken: PageWithSlot | undefined;
    try {
      if (isAborted()) return undefined;
      const page = await readOutbox(state, { ...request(), maxBytes: PAGE_BYTES });
      if (!isAborted()) taken = { page, release };
      return taken;
    } catch (error) {
      if (isAborted()) return undefined;
      throw error;
    } finally {
      if (taken === undefined) release();
    }
  };
  return connection.deadlines.within(state.context.settings.handshakeTimeoutMs, take(), () => {
    isLate = true;
    return new SessionError("STORE_UNAVAILABLE", "kept messages could not be read in time");
  });
}
