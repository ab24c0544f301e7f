/** The interface of a client under test: the parts of `@wsession/client` that the cases use. */

export interface TestedEvents {
  readonly message: {
    readonly data: string | Uint8Array;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  };
  readonly status: { readonly status: string; readonly retryInMs?: number | undefined };
  readonly session: { readonly id: string; readonly resumed: boolean };
  readonly missed: { readonly from: number; readonly to: number; readonly certain: boolean };
  readonly rolledBack: { readonly from: number; readonly to: number };
  readonly leftover: { readonly data: string | Uint8Array; readonly error: unknown };
  readonly closed: { readonly code: number; readonly reason: string; readonly why: string };
}

export interface TestedClient {
  readonly status: string;
  readonly session: { readonly id: string; readonly resumed: boolean } | undefined;
  /** Rejects with an error that has `code` and `outcome`, and the `detail` of a refusal. */
  send(message: string | Uint8Array): Promise<void>;
  sendNow(message: string | Uint8Array): boolean;
  reconnect(): void;
  close(code?: number, reason?: string): Promise<void>;
  on<Type extends "message" | "status" | "session" | "missed" | "rolledBack" | "leftover" | "closed">(
    type: Type,
    listener: (event: TestedEvents[Type]) => unknown,
  ): () => void;
}

export interface TestedStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The options that cases set. The client backs off for at most 20 ms, so that cases are fast. */
export interface TestedOptions {
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  readonly storage?: TestedStorage;
  readonly token?: { read(): string | undefined; write(token: string | undefined): void };
  readonly carryOver?: boolean;
  readonly silenceMs?: number;
  readonly queue?: { readonly maxMessages?: number; readonly maxBytes?: number };
}

export interface ClientHarness {
  readonly connect: (url: string, options: TestedOptions) => TestedClient;
}
