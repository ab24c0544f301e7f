/**
 * Limits memory in a process that destroys sessions all the time. Without the record of an epoch a decision may be refused although
 * it is newer than the epoch.
 */
const MAX_KNOWN_EPOCHS = 10_000;

/**
 * Records when this process first received an epoch. A decision made after that time was certainly made after that destruction. The
 * server's clock alone leaves an uncertainty of the length of a call, and more after the clock was set back.
 */
export class KnownEpochs {
  readonly #epochs = new Map<string, { readonly epoch: number; readonly at: number }>();

  record(hash: string, epoch: number): void {
    const known = this.#epochs.get(hash);
    if (known !== undefined && known.epoch >= epoch) return;
    this.#epochs.delete(hash);
    this.#epochs.set(hash, { epoch, at: performance.now() });
    for (const oldest of this.#epochs.keys()) {
      if (this.#epochs.size <= MAX_KNOWN_EPOCHS) return;
      this.#epochs.delete(oldest);
    }
  }

  isBefore(hash: string, epoch: number, decidedAt: number): boolean {
    const known = this.#epochs.get(hash);
    return known !== undefined && known.epoch >= epoch && known.at <= decidedAt;
  }
}
