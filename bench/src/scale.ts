import { readOptions, report } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { measureBus } from "./scale/bus.ts";
import { measureCapacity } from "./scale/capacity.ts";
import { measureConnectionsGrowth } from "./scale/connections.ts";
import { measureLive } from "./scale/live.ts";
import { measureLiveUws } from "./scale/live-uws.ts";
import { measureProcessesGrowth, measureSessionsGrowth } from "./scale/updates.ts";

// Figures that should not grow with the number of connections, sessions or processes.

process.env["NODE_ENV"] = "production";
const options = readOptions();
const wants = (field: string): boolean => options.only.length === 0 || options.only.includes(field);

const figures: Figure[] = [];
if (wants("sessionsGrowth")) figures.push(...(await measureSessionsGrowth(options)));
if (wants("processesGrowth")) figures.push(await measureProcessesGrowth(options));
if (wants("connectionsGrowth")) figures.push(...(await measureConnectionsGrowth(options)));
if (wants("busMessages")) figures.push(...(await measureBus(options)));
if (wants("live")) figures.push(...(await measureLive(options)));
if (wants("liveUws")) figures.push(...(await measureLiveUws(options)));
if (wants("capacity")) figures.push(...(await measureCapacity(options)));
report("Growth", figures, options);
