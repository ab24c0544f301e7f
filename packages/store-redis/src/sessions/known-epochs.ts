/** More would be those of a process that destroys all the time; the oldest is forgotten, and is in doubt again then. */
const MAX_KNOWN_EPOCHS = 10_000;

/**
 * When this process saw an epoch: whatever it decides later is decided after that destruction for certain. The server's clock
 * alone would leave a doubt as long as a call takes, and a longer one after the clock was set back.
 */
export class KnownEpochs {
  readonly #seen = new Map<string, { readonly epoch: number; readonly at: number }>();

  record(hash: string, epoch: number): void {
    const known = this.#seen.get(hash);
    if (known !== undefined && known.epoch >= epoch) return;
    this.#seen.delete(hash);
    this.#seen.set(hash, { epoch, at: performance.now() });
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_KNOWN_EPOCHS) return;
      this.#seen.delete(oldest);
    }
  }

  isBefore(hash: string, epoch: number, decidedAt: number): boolean {
    const known = this.#seen.get(hash);
    return known !== undefined && known.epoch >= epoch && known.at <= decidedAt;
  }
}
