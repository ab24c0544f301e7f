// The code of docs/telemetry.md about OpenTelemetry.
import { sessions } from "./telemetry.ts";
// #region sdk
import { instrument } from "@wsession/opentelemetry";

// After the SDK has been started: its providers and its context manager must be registered.
const stop = instrument(sessions);
// #endregion
export { stop };
