import type { Operation, Overtaker } from "./overtaken-operations.ts";
import { accept } from "@wsession/core";
import { withGap } from "./held.ts";

const overtakers: readonly Overtaker[] = ["destroySubject", "destroy"];
const initial = (): { readonly n: number } => ({ n: 1 });

/** Takeovers of a subject (`exclusive: "subject"`). Their connection is open, and has its session, before the takeover. */
export function takeovers(when: "before" | "after"): readonly Operation[] {
  return [
    {
      name: `the takeover of a subject by a new connection, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers,
      outcomes: { destroySubject: ["closed 4410"] },
      options: () => ({ exclusive: "subject", admit: () => accept({ subject: "ada" }), initial }),
      store: (store, gap) => withGap(store, "takeOverSubject", when, gap),
    },
    {
      name: `the takeover of a subject by identify, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers,
      // The handler that waits for identify fails, or its connection has ended before.
      outcomes: { destroySubject: ["closed 4410", "closed 1011"], destroy: ["closed 4410", "closed 1011"] },
      options: () => ({ exclusive: "subject", initial }),
      store: (store, gap) => withGap(store, "takeOverSubject", when, gap),
      handlers: () => ({
        async open(connection) {
          await connection.session?.identify("ada");
        },
      }),
    },
  ];
}
