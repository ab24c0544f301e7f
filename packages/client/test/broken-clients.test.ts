import { connect } from "@wsession/client";
import { clientCases, runClientCase } from "@wsession/conformance";
import type { ClientHarness } from "@wsession/conformance";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";

type Rewrite = (frame: string) => string | undefined;

/** The client with a fault: the frames that it sends and receives are rewritten. `undefined` drops a frame. */
function broken(faults: { readonly out?: () => Rewrite; readonly in?: () => Rewrite }): ClientHarness {
  return {
    connect(url, options) {
      // One pair for each client, so that a fault may store earlier frames.
      const outgoing = faults.out?.();
      const incoming = faults.in?.();
      class Faulty extends WebSocket {
        override send(data: string): void {
          const frame = typeof data === "string" && outgoing !== undefined ? outgoing(data) : data;
          if (frame !== undefined) super.send(frame);
        }
        constructor(...args: ConstructorParameters<typeof WebSocket>) {
          super(...args);
          const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage")!;
          Object.defineProperty(this, "onmessage", {
            set: (listener: (event: { readonly data: unknown }) => void) => {
              set!.call(this, ({ data }: { readonly data: unknown }) => {
                const frame = typeof data === "string" && incoming !== undefined ? incoming(data) : data;
                if (frame !== undefined) listener({ data: frame });
              });
            },
          });
        }
      }
      return connect(url, { ...options, WebSocket: Faulty });
    },
  };
}

/** Changes the members of the control frames of this name. */
function change(name: string, edit: (fields: Record<string, unknown>) => void): () => Rewrite {
  return () => (frame) => {
    if (!frame.startsWith(name)) return frame;
    const fields = JSON.parse(frame.slice(2)) as Record<string, unknown>;
    edit(fields);
    return name + JSON.stringify(fields);
  };
}

/** Frames of these kinds never arrive. */
function lose(...names: readonly string[]): () => Rewrite {
  return () => (frame) => (names.some((name) => frame.startsWith(name)) ? undefined : frame);
}

const faulty: readonly (readonly [string, ClientHarness, string])[] = [
  [
    "sends unsettled messages again under new numbers",
    broken({
      out: () => {
        let next = 1;
        return (frame) => {
          if (frame.startsWith("=")) next += 1;
          if (!frame.startsWith(".a")) return frame;
          return `.a${JSON.stringify({ ...(JSON.parse(frame.slice(2)) as object), from: next })}`;
        };
      },
    }),
    "unsettled messages are sent again, in order, under the same numbers",
  ],
  [
    "drops unsettled messages",
    broken({
      out: () => {
        const sent = new Set<string>();
        return (frame) => {
          if (!frame.startsWith("=")) return frame;
          if (sent.has(frame)) return undefined;
          sent.add(frame);
          return frame;
        };
      },
    }),
    "unsettled messages are sent again, in order, under the same numbers",
  ],
  [
    "attaches with a new client id on each connection",
    broken({
      out: () => {
        let turn = 0;
        return (frame) =>
          frame.startsWith(".a")
            ? frame.replace(/"client":"./, () => `"client":"${String((turn += 1))}`)
            : frame;
      },
    }),
    "unsettled messages are sent again, in order, under the same numbers",
  ],
  [
    "ignores the refusals in hello",
    broken({ in: change(".h", (fields) => Object.assign(fields, { refused: "0" })) }),
    "hello says for each unsettled number whether its message was applied or refused",
  ],
  [
    "ignores the record's floor",
    broken({ in: change(".h", (fields) => Object.assign(fields, { floor: 0 })) }),
    "messages with numbers below the record's floor reject with UNKNOWN",
  ],
  [
    "attaches with a forget mark of 0",
    broken({ out: change(".a", (fields) => Object.assign(fields, { mark: 0 })) }),
    "forgotten: messages that an earlier connection sent reject with UNKNOWN, the others are sent again under the new mark",
  ],
  [
    "attaches with a chain of 0",
    broken({
      out: change(".a", (fields) => {
        if (Array.isArray(fields["at"])) fields["at"] = [fields["at"][0], "000000"];
      }),
    }),
    "I19 a position is an offset and the chain of that offset",
  ],
  [
    "attaches without the witness",
    broken({ out: change(".a", (fields) => delete fields["witness"]) }),
    "a jump moves the position and its chain, and attach has its witness until the position has passed the witness",
  ],
  [
    "does not receive the reports of missed messages",
    broken({ in: lose(".x") }),
    "I16 missed: offsets that are no longer kept are reported, in hello and later, and the position moves past them",
  ],
  [
    "attaches without its session, and sends numbered messages with attach",
    broken({ out: change(".a", (fields) => delete fields["session"]) }),
    "a client that comes back names its session in attach, and sends at most 32 messages before hello",
  ],
  [
    "ignores that hello names another session",
    broken({ in: change(".h", (fields) => Object.assign(fields, { session: "s1" })) }),
    "SESSION_LOST: no message for the old session is handled in another session",
  ],
  [
    "uses the client id of the stored page for new messages",
    broken({
      out: () => {
        let id: unknown;
        return (frame) => {
          if (!frame.startsWith(".a")) return frame;
          const fields = JSON.parse(frame.slice(2)) as Record<string, unknown>;
          id ??= fields["client"];
          return `.a${JSON.stringify({ ...fields, client: id })}`;
        };
      },
    }),
    "two copies of a page never share an id for new messages",
  ],
  [
    "closes without bye",
    broken({ out: lose(".b") }),
    "close() sends bye, closes with its code, and rejects all queued messages",
  ],
  [
    "does not confirm a stored token",
    broken({ out: lose(".t") }),
    "the client offers its token as a subprotocol, stores each token that hello or a notice brings, and confirms it",
  ],
  [
    "never acknowledges messages",
    broken({ out: lose(".k") }),
    "if hello asks for acks, the client reports its position after each 32 messages or after a second",
  ],
  [
    "never probes a silent server",
    broken({ out: lose(".?") }),
    "the client probes a silent server, and the connection stays if a beat answers the probe",
  ],
];

describe("a client that", () => {
  test.each(faulty)("%s is caught", async (_, harness, name) => {
    const one = Object.values(clientCases)
      .flat()
      .find((candidate) => candidate.name === name);
    if (one === undefined) throw new Error(`there is no case ${name}`);
    await expect(runClientCase(one, harness, { timeoutMs: 2_500 })).rejects.toThrow(
      /Expected values|not settled within|was expected/,
    );
  });
});

test("the correct client passes each of these cases", async () => {
  for (const name of new Set(faulty.map(([, , one]) => one))) {
    const one = Object.values(clientCases)
      .flat()
      .find((candidate) => candidate.name === name);
    await expect(runClientCase(one!, broken({}))).resolves.toBeUndefined();
  }
});
