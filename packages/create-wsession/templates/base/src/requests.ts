/** Requests of clients: the limit of their bodies, and the answers to wrong ones. */

export const MAX_BODY_BYTES = 16 * 1024;

/** The client has sent a wrong request, which the server answers with this status. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Makes the request that the routes take. */
export function toRequest(path: string, init: RequestInit): Request {
  try {
    return new Request(new URL(path, "http://localhost"), init);
  } catch {
    // Such as the path `//`, or the method TRACE.
    throw new RequestError(400, "the path or the method of the request is not supported");
  }
}

/** A body while it arrives. */
export class Body {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** Call this for the whole body, also above the limit: a client that is still sending would lose an earlier answer. */
  add(chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= MAX_BODY_BYTES) this.#chunks.push(chunk);
  }

  text(): string {
    if (this.#bytes > MAX_BODY_BYTES) throw new RequestError(413, "the body of the request is too long");
    return Buffer.concat(this.#chunks).toString();
  }
}

export async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(400, "the body of the request is not JSON");
  }
}

/** The status of the answer to a request that failed. An error that is not the client's is logged. */
export function statusOf(error: unknown): number {
  if (error instanceof RequestError) return error.status;
  console.error(error);
  return 500;
}
