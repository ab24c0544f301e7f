import { describe, it } from "vitest";
import { assertMethods, assertText } from "@wsession/core/runtime";
import { attachingCases } from "./client-cases/attaching.ts";
import { endingCases } from "./client-cases/ending.ts";
import { numberingCases } from "./client-cases/numbering.ts";
import { positionCases } from "./client-cases/positions.ts";
import { storingCases } from "./client-cases/storing.ts";
import type { ClientHarness } from "./client-harness.ts";
import { runClientCase } from "./client-trial.ts";
import type { ClientCase } from "./client-trial.ts";

/** All cases for clients of v1.wsession, by topic. */
export const clientCases: Readonly<Record<string, readonly ClientCase[]>> = {
  attaching: attachingCases,
  numbering: numberingCases,
  positions: positionCases,
  ending: endingCases,
  storing: storingCases,
};

/**
 * Registers the suite that every client must pass, against a scripted server over real sockets. Call it at the top level of a
 * vitest file.
 *
 * @throws INVALID_ARGUMENT for an invalid harness.
 * @example
 * testClient("my client", { connect: (url, options) => connect(url, options) });
 */
export function testClient(name: string, harness: ClientHarness): void {
  assertText("testClient: name", name);
  assertMethods("testClient: harness", harness, "a ClientHarness", ["connect"]);
  describe(name, () => {
    for (const [subject, cases] of Object.entries(clientCases)) {
      describe(subject, () => {
        for (const one of cases) it(one.name, () => runClientCase(one, harness));
      });
    }
  });
}
