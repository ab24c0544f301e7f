// The code of docs/telemetry.md about the channels.
// #region channel
import { onTelemetry } from "@wsession/core";

const stop = onTelemetry("wsession:message", ({ sessionId, durationMs, outcome }) => {
  if (durationMs > 500) console.log({ sessionId, durationMs, outcome });
});
// #endregion
export { stop };
