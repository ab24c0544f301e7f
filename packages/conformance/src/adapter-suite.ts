import { describe, it } from "vitest";
import { admissionCases } from "./adapter-cases/admission.ts";
import { closingCases } from "./adapter-cases/closing.ts";
import { concurrentCases } from "./adapter-cases/concurrent.ts";
import { endCases } from "./adapter-cases/ends.ts";
import { failureCases } from "./adapter-cases/failures.ts";
import { framingCases } from "./adapter-cases/framing.ts";
import { gateCases } from "./adapter-cases/gate.ts";
import { handoverCases } from "./adapter-cases/handover.ts";
import { handshakeCases } from "./adapter-cases/handshake.ts";
import { heartbeatCases } from "./adapter-cases/heartbeat.ts";
import { keptBoundCases } from "./adapter-cases/kept-bounds.ts";
import { keptCases } from "./adapter-cases/kept.ts";
import { lifeCases } from "./adapter-cases/life.ts";
import { limitCases } from "./adapter-cases/limits.ts";
import { livenessCases } from "./adapter-cases/liveness.ts";
import { messageCases } from "./adapter-cases/messages.ts";
import { numberedCases } from "./adapter-cases/numbered.ts";
import { orderCases } from "./adapter-cases/order.ts";
import { outageCases } from "./adapter-cases/outages.ts";
import { plainCases } from "./adapter-cases/plain.ts";
import { readyCases } from "./adapter-cases/ready.ts";
import { refusalCases } from "./adapter-cases/refusals.ts";
import { sendingCases } from "./adapter-cases/sending.ts";
import { sessionCases } from "./adapter-cases/sessions.ts";
import { tokenCases } from "./adapter-cases/tokens.ts";
import { shutdownCases } from "./adapter-cases/shutdown.ts";
import { reportingCases } from "./adapter-cases/reporting.ts";
import { failedTransactionCases } from "./adapter-cases/failed-transactions.ts";
import { misusedTransactionCases } from "./adapter-cases/misused-transactions.ts";
import { thrownInTransactionCases } from "./adapter-cases/thrown-in-transactions.ts";
import { transactionCases } from "./adapter-cases/transactions.ts";
import { transportCases } from "./adapter-cases/transport.ts";
import { checkAdapterHarness } from "./check-harness.ts";
import type { AdapterHarness } from "./adapter-harness.ts";
import { runAdapterCase } from "./adapter-trial.ts";
import type { AdapterCase } from "./adapter-trial.ts";

/** All cases for adapters, by topic. */
export const adapterCases: Readonly<Record<string, readonly AdapterCase[]>> = {
  "the gate": gateCases,
  "ready()": readyCases,
  messages: messageCases,
  "the life of a connection": lifeCases,
  "the order of handlers": orderCases,
  failures: failureCases,
  outages: outageCases,
  "errors that are reported, and to whom": reportingCases,
  "the handshake": handshakeCases,
  "the answer of admit": admissionCases,
  refusals: refusalCases,
  sessions: sessionCases,
  tokens: tokenCases,
  "the transport record": transportCases,
  sending: sendingCases,
  limits: limitCases,
  closing: closingCases,
  "how a connection ended": endCases,
  heartbeat: heartbeatCases,
  liveness: livenessCases,
  shutdown: shutdownCases,
  "a handover": handoverCases,
  "frames of v1.wsession": framingCases,
  "messages to a client of v1.wsession": plainCases,
  "numbered messages": numberedCases,
  "concurrent messages": concurrentCases,
  transactions: transactionCases,
  "transactions that fail": failedTransactionCases,
  "errors in transactions": thrownInTransactionCases,
  "transactions that are misused": misusedTransactionCases,
  "kept messages": keptCases,
  "the bounds of kept messages": keptBoundCases,
};

/**
 * Registers the suite that every adapter must pass, over real sockets. Call it at the top level of a vitest
 * file.
 *
 * @throws INVALID_ARGUMENT for an invalid harness.
 */
export function testAdapter(name: string, harness: AdapterHarness): void {
  checkAdapterHarness(name, harness);
  describe(name, () => {
    for (const [subject, cases] of Object.entries(adapterCases)) {
      describe(subject, () => {
        for (const one of cases) {
          if (one.applies?.(harness) === false) continue;
          it(one.name, () => runAdapterCase(one, harness));
        }
      });
    }
  });
}
