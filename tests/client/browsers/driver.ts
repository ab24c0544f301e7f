/** What a scenario needs of a browser, whatever protocol drives it. */

export interface BrowserDriver {
  readonly name: string;
  /** The browser's own version. */
  readonly version: string;
  /**
   * Whether a page reads the close code 1012. libsoup, which WebKitGTK uses, treats the codes 1012 to 2999 as a protocol error:
   * the page reads 1006.
   */
  readonly reads1012: boolean;
  /** A browser that has no cookie yet. */
  newProfile(): Promise<Profile>;
  close(): Promise<void>;
}

export interface Profile {
  open(url: string): Promise<Tab>;
  /** The cookies of the pages on localhost. */
  cookies(): Promise<readonly KeptCookie[]>;
  close(): Promise<void>;
}

export interface KeptCookie {
  readonly name: string;
  readonly value: string;
  readonly httpOnly: boolean;
}

export interface Tab {
  /** The value of an expression in the page, and of the promise if it is one. */
  evaluate<Value>(expression: string): Promise<Value>;
  reload(): Promise<void>;
  /** Absent: the browser's protocol can't take the browser off the network. */
  setOffline?(isOffline: boolean): Promise<void>;
  /** Absent: the browser's protocol can't freeze a tab. */
  setFrozen?(isFrozen: boolean): Promise<void>;
}
