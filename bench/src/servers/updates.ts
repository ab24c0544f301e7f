// Changes sessions in Redis in the way that the argument names, and reports the changes for each second and each CPU second.
import { serve } from "../kit/child.ts";
import type { Answer } from "../kit/child.ts";
import {
  connectRedisUpdates,
  iovalkeyUpdates,
  nodeRedisUpdates,
  scriptUpdates,
  wsessionUpdates,
} from "../store/subjects.ts";
import type { Updates } from "../store/subjects.ts";

const SUBJECTS: Readonly<Record<string, (port: number, count: number) => Promise<Updates>>> = {
  update: wsessionUpdates,
  iovalkey: iovalkeyUpdates,
  nodeRedis: nodeRedisUpdates,
  script: scriptUpdates,
  connectRedis: connectRedisUpdates,
};
const [port, subject = "", sessions, atOnce] = process.argv.slice(2);
const start = SUBJECTS[subject];
if (start === undefined) throw new Error(`no way to change sessions is called "${subject}"`);
const { update } = await start(Number(port), Number(sessions));

/** Runs `atOnce` callers. Each waits for its answer, and no two change the same session at the same time. */
async function run(updates: number): Promise<Answer> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let begun = 0;
  const caller = async (number: number): Promise<void> => {
    for (let own = number; begun < updates; own += Number(atOnce)) {
      begun += 1;
      await update(own % Number(sessions));
    }
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, (_, number) => caller(number)));
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (updates / (performance.now() - startedAt)) * 1e3,
    perCpuSecond: (updates / (user + system)) * 1e6,
  };
}

serve(0, { run: (updates) => run(Number(updates)) });
