/**
 * The lower layer's own record of a connection. It has nothing in common with the session: setting one never touches
 * the other (I5), and nothing that an adapter needs is kept in it, so its data can't break the connection.
 */
export interface TransportSession<Transport> {
  /** The peer's address as text at the handshake, without a port; readable after close too. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS ends in this process. */
  readonly encrypted: boolean;
  /** When the WebSocket was opened, milliseconds since the epoch. */
  readonly openedAt: number;
  /** The lower layer's own data: what `transport` returned, else what HTTP code had put there, else `undefined`. */
  data: Transport;
}

/** Offsets from here are small integers, which a field holds without a heap number of 16 bytes. */
const EPOCH = Date.now();

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
  // The clock's numbers are floating point, and a field keeps that: an integer has to be made of them.
  const integer = ms | 0;
  return integer === ms ? integer : ms;
}
