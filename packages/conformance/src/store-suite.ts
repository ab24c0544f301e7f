import { describe, it } from "vitest";
import { commitEffectCases } from "./store-cases/commit-effects.ts";
import { commitRecordCases } from "./store-cases/commit-records.ts";
import { commitCases } from "./store-cases/commit.ts";
import { creationCases } from "./store-cases/creation.ts";
import { deadlineCases } from "./store-cases/deadlines.ts";
import { destructionCases } from "./store-cases/destruction.ts";
import { fenceCases } from "./store-cases/fences.ts";
import { healthCases } from "./store-cases/health.ts";
import { jsonCases } from "./store-cases/json.ts";
import { lifetimeCases } from "./store-cases/lifetimes.ts";
import { listingCases } from "./store-cases/listing.ts";
import { outboxBoundCases } from "./store-cases/outbox-bounds.ts";
import { outboxPositionCases } from "./store-cases/outbox-positions.ts";
import { outboxCases } from "./store-cases/outbox.ts";
import { presenceCases } from "./store-cases/presence.ts";
import { resumeCases } from "./store-cases/resume.ts";
import { rotationCases } from "./store-cases/rotation.ts";
import { sharingCases } from "./store-cases/sharing.ts";
import { subjectLimitCases } from "./store-cases/subject-limits.ts";
import { subjectCases } from "./store-cases/subjects.ts";
import { writeCases } from "./store-cases/writes.ts";
import { checkStoreHarness } from "./check-harness.ts";
import type { StoreHarness } from "./store-harness.ts";
import { runStoreCase } from "./store-trial.ts";
import type { StoreCase } from "./store-trial.ts";

/** All cases for stores, by topic. */
export const storeCases: Readonly<Record<string, readonly StoreCase[]>> = {
  creation: creationCases,
  writes: writeCases,
  deadlines: deadlineCases,
  lifetimes: lifetimeCases,
  destruction: destructionCases,
  resuming: resumeCases,
  rotation: rotationCases,
  fences: fenceCases,
  subjects: subjectCases,
  "limits of subjects": subjectLimitCases,
  listing: listingCases,
  health: healthCases,
  values: jsonCases,
  sharing: sharingCases,
  presence: presenceCases,
  "the outbox": outboxCases,
  "the outbox's bounds": outboxBoundCases,
  "positions in the outbox": outboxPositionCases,
  transactions: commitCases,
  "the records of clients": commitRecordCases,
  "what a transaction changes": commitEffectCases,
};

/**
 * Registers the suite that every store must pass. Call it at the top level of a vitest file.
 *
 * @throws INVALID_ARGUMENT for an invalid harness.
 */
export function testStore(name: string, harness: StoreHarness): void {
  checkStoreHarness(name, harness);
  describe(name, () => {
    for (const [subject, cases] of Object.entries(storeCases)) {
      const applicable = cases.filter(({ applies }) => applies?.(harness.capabilities, harness) !== false);
      if (applicable.length === 0) continue;
      describe(subject, () => {
        for (const one of applicable) it(one.name, () => runStoreCase(one, harness));
      });
    }
  });
}
