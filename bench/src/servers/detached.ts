// Fills a map store with sessions without connections, or an array with the same data, and reports the used memory.
import { createSessions, mapStore } from "@wsession/core";
import { memoryBytes, serve } from "../kit/child.ts";
import type { Answer } from "../kit/child.ts";

interface Data {
  readonly user: string;
  readonly visits: number;
}

const BATCH = 10_000;
const [what, wanted = "0"] = process.argv.slice(2);
const count = Number(wanted);

function dataOf(index: number): Data {
  return { user: `user-${index}`, visits: index & 1023 };
}

/** The slots are allocated before the measurement, so that only the data is counted. */
const kept: (Data | undefined)[] = Array.from({ length: what === "data" ? count : 0 });
const sessions = createSessions<Data>({ store: mapStore({ maxSessions: count + 1 }) });

async function fill(): Promise<Answer> {
  for (let first = 0; first < count; first += BATCH) {
    const indexes = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => first + index);
    if (what === "data") for (const index of indexes) kept[index] = dataOf(index);
    else await Promise.all(indexes.map((index) => sessions.create(dataOf(index))));
    // Lets finalisers run: the handles that create() returned are garbage.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return memoryBytes();
}

serve(0, { fill });
