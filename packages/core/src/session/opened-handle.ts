import { SessionHandle } from "./handle.ts";
import type { LocalSession } from "./local-session.ts";

/**
 * An administrative handle that was opened by a token. `identify` and `rotate` replace that token only: if another call has
 * replaced the token meanwhile, they reject with CONFLICT. Otherwise two requests of one browser that log in at once would each
 * get a token, and the browser could keep the one that is already invalid.
 */
export class OpenedHandle<Data extends object> extends SessionHandle<Data> {
  #digest: string;

  constructor(state: LocalSession<Data>, digest: string) {
    super(state, undefined);
    this.#digest = digest;
  }

  protected override get presentedDigest(): string {
    return this.#digest;
  }

  protected override onTokenReplaced(digest: string): void {
    this.#digest = digest;
  }
}
