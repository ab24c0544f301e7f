import {
  DECOY_SUBPROTOCOL,
  Lead,
  leadOf,
  parseKept,
  parseServerControl,
  payloadOf,
  SUBPROTOCOL,
  writeClientControl,
  writeCounted,
  writePlain,
} from "@wsession/protocol";
import type { Attach, Hello, Position, ServerControl } from "@wsession/protocol";
import type { AdapterServer } from "./adapter-harness.ts";
import type { AdapterTrial } from "./adapter-trial.ts";
import type { Client, Received } from "./client.ts";
import { newClientId } from "./random-ids.ts";

/** A parsed frame of a server. */
export type ServerFrame =
  | ServerControl
  | { readonly type: "plain"; readonly message: string | Uint8Array }
  | ({ readonly type: "kept"; readonly message: string | Uint8Array } & Position);

/** The options of `FramedPeer.connect`. */
export interface FramedOptions {
  /** The session's token, sent in the query. Absent: a new session. */
  readonly token?: string | undefined;
  /** The application's own subprotocols, offered after those of the library. @default [] */
  readonly protocols?: readonly string[] | undefined;
  /** Further headers of the handshake. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Stops reading at once. @default false */
  readonly paused?: boolean | undefined;
}

/** A client of `v1.wsession` that sends any frame, valid or not, and tracks its position. */
export class FramedPeer {
  /** The peer below, which sends and receives the frames. */
  readonly client: Client;
  /** All parsed frames so far, in order. */
  readonly frames: ServerFrame[] = [];
  /** The client id that `attach` sends, a random one for each peer. */
  readonly id: string = newClientId();
  /** The latest hello; `undefined` before the first one. */
  hello: Hello | undefined;
  /** The position in the outbox after the frames so far; `undefined` before hello. */
  position: Position | undefined;
  /** The end of the outbox at the last jump over a replaced message, until the position has reached that end. */
  witness: Position | undefined;

  private constructor(client: Client) {
    this.client = client;
  }

  /** Connects with the subprotocol of the library. Sends no attach. */
  static async connect(
    trial: AdapterTrial,
    server: AdapterServer,
    { token, protocols = [], headers, paused }: FramedOptions = {},
  ): Promise<FramedPeer> {
    const client = await trial.connect(server, token === undefined ? "/" : `/?token=${token}`, {
      protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL, ...protocols],
      headers,
      paused,
    });
    return new FramedPeer(client);
  }

  /** Over a connection that offered the protocol. */
  static over(client: Client): FramedPeer {
    return new FramedPeer(client);
  }

  /** Attaches as a new client, with the given members replaced. */
  attach(attach: Partial<Omit<Attach, "type">> = {}): void {
    this.client.send(
      writeClientControl({
        type: "attach",
        client: this.id,
        session: undefined,
        from: 1,
        known: 0,
        mark: 0,
        at: undefined,
        witness: undefined,
        fresh: false,
        ...attach,
      }),
    );
  }

  /** Attaches as a client that comes back, with the position of its earlier connection. */
  comeBack({ hello, position, witness }: FramedPeer, attach: Partial<Omit<Attach, "type">> = {}): void {
    this.attach({ session: hello?.session, at: position, witness, ...attach });
  }

  /** Sends a numbered message. Its number is one more than that of the last one, from `from` of the attach on. */
  sendCounted(message: string | Uint8Array): void {
    this.client.send(writeCounted(message));
  }

  /** Sends a message that is not numbered. */
  sendPlain(message: string | Uint8Array): void {
    this.client.send(writePlain(message));
  }

  /** The next frame that was not read yet. */
  async next(): Promise<ServerFrame> {
    const frame = this.#parse(await this.client.next());
    this.frames.push(frame);
    return frame;
  }

  /** Reads until a frame of this type, and returns it. */
  async until<Type extends ServerFrame["type"]>(
    type: Type,
    isWanted: (frame: Extract<ServerFrame, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<ServerFrame, { type: Type }>> {
    for (;;) {
      const frame = await this.next();
      if (isOf(frame, type) && isWanted(frame)) return frame;
    }
  }

  /** Reads until this number of kept messages has arrived, and returns the texts of all kept messages so far. */
  async keptTexts(count: number): Promise<string[]> {
    // By the offsets, because `kept` decodes every message each time.
    while (this.keptOffsets.length < count) await this.next();
    return this.kept;
  }

  /** The kept messages so far, as text, in order. */
  get kept(): string[] {
    return this.frames.flatMap((frame) =>
      frame.type === "kept" ? [Buffer.from(frame.message).toString()] : [],
    );
  }

  /** The offsets of the kept messages so far, in order. */
  get keptOffsets(): number[] {
    return this.frames.flatMap((frame) => (frame.type === "kept" ? [frame.offset] : []));
  }

  #parse(received: Received): ServerFrame {
    const lead = leadOf(received);
    if (lead === Lead.Plain) return { type: "plain", message: payloadOf(received) };
    if (lead === Lead.Counted) {
      const { chain, message } = parseKept(received);
      this.#moveTo({ offset: (this.position?.offset ?? 0) + 1, chain });
      return { type: "kept", message, ...(this.position ?? { offset: 0, chain: 0 }) };
    }
    const control = parseServerControl(String(received));
    if (control.type === "hello") {
      this.hello = control;
      this.#moveTo(control.at);
    } else if (control.type === "jump") {
      this.#moveTo({ offset: (this.position?.offset ?? 0) + control.count, chain: control.chain });
      this.witness = control.witness ?? this.witness;
    } else if (control.type === "missed") this.#moveTo({ offset: control.to, chain: control.chain });
    return control;
  }

  #moveTo(position: Position): void {
    this.position = position;
    if (this.witness !== undefined && position.offset >= this.witness.offset) this.witness = undefined;
  }
}

function isOf<Type extends ServerFrame["type"]>(
  frame: ServerFrame,
  type: Type,
): frame is Extract<ServerFrame, { type: Type }> {
  return frame.type === type;
}
