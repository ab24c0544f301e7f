type Data = string | Uint8Array;

/** Messages that wait until a socket's messages may flow, in order. */
export class WaitingMessages {
  readonly #waiting: {
    readonly data: Data;
    readonly taken: () => void;
    readonly failed: (error: unknown) => void;
  }[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves once the message was taken. Rejects with what `take` throws. */
  add(data: Data): Promise<void> {
    return new Promise((taken, failed) => this.#waiting.push({ data, taken, failed }));
  }

  /** Passes the first message to `take`. */
  next(take: (data: Data) => void): void {
    const message = this.#waiting.shift();
    if (message === undefined) return;
    try {
      take(message.data);
      message.taken();
    } catch (error) {
      message.failed(error);
    }
  }
}
