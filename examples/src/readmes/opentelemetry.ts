// #region readme
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { createSessions } from "@wsession/core";
import { instrument } from "@wsession/opentelemetry";

const exporter = new PrometheusExporter({ port: 9464 }); // serves /metrics
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));

const sessions = createSessions({ initial: () => ({ visits: 0 }) });
const stop = instrument(sessions);
// #endregion
export { exporter, sessions, stop };
