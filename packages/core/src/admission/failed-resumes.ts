/** Counts and reports tokens that resumed no session. */
import { destroyedEnding } from "../base/endings.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { ResumeResult } from "../store/contract.ts";
import type { FailedResume } from "./presented.ts";

/**
 * Counts and reports the tokens of one request that resumed no session. `resumed`: the session that another token of the request
 * resumed. A replaced token is not a sign of theft if the same request also carries its replacement: the browser kept both cookies.
 */
export function countFailedResumes<Data extends object>(
  registry: SessionRegistry<Data>,
  failed: readonly FailedResume[],
  resumed: string | undefined,
): void {
  for (const { type, id } of failed)
    if (type !== "stolen" || id !== resumed) countFailedResume(registry, type, id);
}

function countFailedResume<Data extends object>(
  registry: SessionRegistry<Data>,
  type: Exclude<ResumeResult["type"], "resumed">,
  id: string,
): void {
  const { settings, diagnostics } = registry;
  switch (type) {
    case "missing":
      diagnostics.tokensUnknown += 1;
      return;
    case "wrong":
      diagnostics.tokensWrong += 1;
      return;
    case "foreign":
      diagnostics.tokensForeign += 1;
      return;
    case "stolen":
      diagnostics.tokensStolen += 1;
      registry.report(new Error("a session's previous token was presented after its grace period"), {
        stage: "theft",
        sessionId: id,
      });
      if (settings.destroyOnTheft) destroyStolen(registry, id);
  }
}

function destroyStolen<Data extends object>(registry: SessionRegistry<Data>, id: string): void {
  registry.calls.inBackground(async () => {
    const { destroyed } = await registry.store.destroy(id, "token stolen", false);
    publishDestroyed(destroyed, "theft");
    registry.endSession(id, destroyedEnding("token stolen"));
  }, id);
}
