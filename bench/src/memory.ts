import { measureConnections } from "./memory/connections.ts";
import { measureDetached } from "./memory/detached.ts";
import { measureRedis, REDIS_FIELDS } from "./memory/redis.ts";
import { printTable, readOptions, report } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";

// The memory of a connection, of a session without a connection, and of a session in Redis, beyond that of
// the same data without this library.

const options = readOptions();
const figures: Figure[] = [];
const details: string[][] = [];
const wants = (field: string): boolean => options.only.length === 0 || options.only.includes(field);

for (const runtime of ["ws", "uws"] as const) {
  if (!wants(`${runtime}HeapBytes`)) continue;
  const found = await measureConnections(runtime, options);
  figures.push(...found.figures);
  details.push(...found.details);
}
if (wants("mapHeapBytes")) figures.push(await measureDetached(options));
if (REDIS_FIELDS.some(wants)) figures.push(...(await measureRedis(options)));
if (details.length > 0) {
  const head = ["idle connections of", "count", "heap a connection", "RSS a connection"];
  printTable("Whole connections, bytes (median)", head, details);
}
report("Memory beyond the control's, bytes", figures, options);
