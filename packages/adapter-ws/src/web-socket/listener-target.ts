import { captureRejectionSymbol, EventEmitter } from "node:events";

/** An event with the names of the WHATWG. ws uses classes of its own, with the same members. */
export interface SocketEvent {
  readonly type: string;
  readonly target: object;
}

interface HandlerObject {
  handleEvent(event: SocketEvent): unknown;
}
type Handler = HandlerObject["handleEvent"] | HandlerObject;
type Listener = (...values: unknown[]) => void;

/** A listener that `addEventListener` or an attribute added, with the handler that it calls. */
interface Added {
  readonly handler: Handler;
  readonly listener: Listener;
  readonly isAttribute: boolean;
}

const TYPES: ReadonlySet<string> = new Set(["open", "message", "close", "error"]);

/** An EventEmitter with the names of the WHATWG: `addEventListener`, `onmessage` and the others. */
export abstract class ListenerTarget extends EventEmitter {
  readonly #added = new Map<string, Added[]>();

  constructor() {
    super({ captureRejections: true });
    // Without this an asynchronous listener that rejects would emit `error`, which ends the process if `error` has no listener.
    Object.defineProperty(this, captureRejectionSymbol, {
      value: (error: unknown) => this.listenerRejected(error),
    });
  }

  /** The promise of an asynchronous listener rejected. */
  protected abstract listenerRejected(error: unknown): void;
  /** The WHATWG event of an emitted event. */
  protected abstract eventOf(type: string, values: readonly unknown[]): SocketEvent;

  addEventListener(type: string, handler: Handler, { once = false }: { once?: boolean } = {}): void {
    if (!TYPES.has(type)) return;
    if (this.#find(type, (added) => !added.isAttribute && added.handler === handler) === undefined)
      this.#add(type, handler, false, once);
  }

  removeEventListener(type: string, handler: Handler): void {
    this.#remove(type, (added) => !added.isAttribute && added.handler === handler);
  }

  get onopen(): Handler | null {
    return this.#attribute("open");
  }

  set onopen(handler: Handler | null) {
    this.#setAttribute("open", handler);
  }

  get onmessage(): Handler | null {
    return this.#attribute("message");
  }

  set onmessage(handler: Handler | null) {
    this.#setAttribute("message", handler);
  }

  get onclose(): Handler | null {
    return this.#attribute("close");
  }

  set onclose(handler: Handler | null) {
    this.#setAttribute("close", handler);
  }

  get onerror(): Handler | null {
    return this.#attribute("error");
  }

  set onerror(handler: Handler | null) {
    this.#setAttribute("error", handler);
  }

  #attribute(type: string): Handler | null {
    return this.#find(type, ({ isAttribute }) => isAttribute)?.handler ?? null;
  }

  #setAttribute(type: string, handler: Handler | null): void {
    this.#remove(type, ({ isAttribute }) => isAttribute);
    if (typeof handler === "function") this.#add(type, handler, true, false);
  }

  /** The entries whose listener is still there: `off` and `removeAllListeners` may have removed one. */
  #find(type: string, matches: (added: Added) => boolean): Added | undefined {
    const present = new Set<unknown>(this.rawListeners(type));
    const entries = (this.#added.get(type) ?? []).filter(({ listener }) => present.has(listener));
    this.#added.set(type, entries);
    return entries.find(matches);
  }

  #add(type: string, handler: Handler, isAttribute: boolean, once: boolean): void {
    const listener: Listener = (...values) => {
      if (once) this.off(type, listener);
      const event = this.eventOf(type, values);
      if (typeof handler === "function") return handler.call(this, event);
      return handler.handleEvent(event);
    };
    this.#added.set(type, [...(this.#added.get(type) ?? []), { handler, listener, isAttribute }]);
    this.on(type, listener);
  }

  #remove(type: string, matches: (added: Added) => boolean): void {
    const found = this.#find(type, matches);
    if (found === undefined) return;
    this.off(type, found.listener);
  }
}
