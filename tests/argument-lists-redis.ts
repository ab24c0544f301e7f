/** For each public function of `@wsession/store-redis`, and each member of an inspection, the argument lists that it has to refuse. */
import { Redis } from "ioredis";
import { behind, each } from "./argument-lists.ts";
import type { Calls } from "./argument-lists.ts";
import { wrongFor } from "./wrong-values.ts";

const client = new Redis({ lazyConnect: true });
export const redisCalls: Calls = {
  redisStore: [...each([undefined, ...wrongFor.options, {}]), ...behind({ client })],
};
export const inspectionCalls: Calls = {
  redisInspection: [...each([undefined, ...wrongFor.options, {}, { client: {} }]), ...behind({ client })],
};
const noText = [...each([undefined, ...wrongFor.string]), ...behind("name")];
/** The members of an inspection. */
export const inspectionMemberCalls: Calls = {
  record: noText,
  data: noText,
  subject: noText,
  isAlive: noText,
  memoryOf: noText,
  listen: [...each([undefined, ...wrongFor.callback]), ...behind(() => 1)],
  scan: each(wrongFor.surplus),
  memory: each(wrongFor.surplus),
  check: each(wrongFor.surplus),
  close: each(wrongFor.surplus),
};
