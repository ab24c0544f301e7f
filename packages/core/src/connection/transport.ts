import type { TransportSession } from "../api/contract.ts";

/** Milliseconds since this time are small integers, which V8 keeps in a field without a heap number of 16 bytes. */
const EPOCH = Date.now();

/** The record of a connection's lower layer. It is an object of its own, so that no write of the session can change it (I5). */
export class TransportRecord<Transport> implements TransportSession<Transport> {
  readonly remoteAddress: string | undefined;
  readonly encrypted: boolean;
  data: Transport;
  readonly #openedAfter: number;

  /** `openedAfter` is milliseconds after EPOCH. */
  constructor(remoteAddress: string | undefined, encrypted: boolean, openedAfter: number, data: Transport) {
    this.remoteAddress = remoteAddress;
    this.encrypted = encrypted;
    this.data = data;
    this.#openedAfter = openedAfter;
  }

  get openedAt(): number {
    return EPOCH + this.#openedAfter;
  }
}

export function sinceEpoch(): number {
  const ms = Date.now() - EPOCH;
  // The clock returns floating-point numbers, which a field keeps as objects: convert them to a small integer.
  const integer = ms | 0;
  return integer === ms ? integer : ms;
}
