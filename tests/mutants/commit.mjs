/** @import { Mutant } from "./mutants.mjs" */

import { core, redis, tests } from "./suites.mjs";

const clients = "packages/core/src/store/map-clients.ts";
const store = "packages/core/src/store/map.ts";
const records = "packages/core/src/store/map-records.ts";
const script = "packages/store-redis/src/scripts/commit.lua";
const shared = "packages/store-redis/src/scripts/prelude-change.lua";

/** @param {string} test a part of a case's name */
const suite = (test) => tests("redis-conformance.test.ts", test);

/** Promises of commits, in mapStore and in the script of store-redis.
 * @type {readonly Mutant[]} */
export const commitMutants = [
  {
    name: "commit-last-decides",
    promise: "I21: the first outcome of a number counts (mapStore)",
    file: clients,
    find: "if (record !== undefined && number <= record.settled) return",
    replace: "if (record !== undefined && number < record.settled) return",
    tests: core("stores"),
  },
  {
    name: "commit-loss-unreported",
    promise: "I21: a store with a lower settled number than the caller's answers behind (mapStore)",
    file: clients,
    find: "return last < settled ?",
    replace: "return last < settled - 1e9 ?",
    tests: core("stores"),
  },
  {
    name: "commit-forgotten-is-new",
    promise: "I21: a client whose record was dropped is not treated as a new client (mapStore)",
    file: clients,
    find: "if (record === undefined && mark !== markNow) return",
    replace: "if (record === undefined && mark > 2 ** 31) return",
    tests: core("stores"),
  },
  {
    name: "commit-outcomes-change",
    promise: "I21: outcomes in the record do not change (mapStore)",
    file: clients,
    find: "refused.filter((one) => one > before.settled)",
    replace: "refused.filter((one) => one > 0)",
    tests: core("stores"),
  },
  {
    name: "commit-refusals-for-ever",
    promise: "A record has the outcomes of 48 numbers, and no more (mapStore)",
    file: clients,
    find: "(one) => one > number - WINDOW_MESSAGES",
    replace: "(one) => one > number - WINDOW_MESSAGES - 1",
    tests: core("stores"),
  },
  {
    name: "commit-without-floor",
    promise: "I21: a new record does not cover earlier numbers (mapStore)",
    file: clients,
    find: "{ ...BEFORE_FIRST, floor: first }",
    replace: "{ ...BEFORE_FIRST, floor: first > 0 ? 1 : first }",
    tests: core("stores"),
  },
  {
    name: "commit-forgets-latest",
    promise: "Of nine clients the client whose last settled number is oldest loses its record (mapStore)",
    file: clients,
    find: "    clients.byClient.delete(client);\n",
    replace: "",
    tests: core("stores"),
  },
  {
    name: "commit-records-of-the-former-subject",
    promise: "I21: a change of subject drops all records (mapStore)",
    file: records,
    find: "    this.clients.clear(id);\n",
    replace: "",
    tests: core("stores"),
  },
  {
    name: "commit-of-a-former-client",
    promise:
      "I21: after a change of subject the first number of a client from before is forgotten (mapStore)",
    file: clients,
    find: "const mark = anotherMark(this.#byId.get(id)?.mark ?? 0);",
    replace:
      "const known = this.#byId.get(id);\n    if (known === undefined) return;\n    const mark = anotherMark(known.mark);",
    tests: core("stores"),
  },
  {
    name: "commit-unfenced",
    promise: "I13: a commit with a lower fence is refused (mapStore)",
    file: store,
    find: 'if (isFenced(entry, request.fence)) return { type: "fenced" };\n    const refusal',
    replace: "const refusal",
    tests: core("stores"),
  },
  {
    name: "commit-full-half-done",
    promise: "I21, I22: a commit whose messages do not fit changes nothing (mapStore)",
    file: store,
    find: 'if (appended?.type === "full") return appended;',
    replace:
      'if (appended?.type === "full") this.#records.clients.settle(id, numbers);\n    if (appended?.type === "full") return appended;',
    tests: core("stores"),
  },
  {
    name: "lua-commit-repeated",
    promise: "I10: a repeated commit changes nothing twice, and answers as the first",
    file: script,
    find: "if made then\n  local offset, chain",
    replace: "if made and made < 0 then\n  local offset, chain",
    tests: redis("commit", "whose reply was lost"),
  },
  {
    name: "lua-commit-repeat-of-others",
    promise: "I10: a repeat answers with the outcomes of its own numbers",
    file: script,
    find: "math.floor(tonumber(refused, 36) / 2 ^ later)",
    replace: "math.floor(tonumber(refused, 36) / 2 ^ 0)",
    tests: redis("commit", "whose reply was lost"),
  },
  {
    name: "lua-commit-overtaken",
    promise: "I10: a commit that is older than the process's last change is refused",
    file: script,
    find: "if made == 0 then return { 'overtaken' } end",
    replace: "if made == 0 then made = nil end",
    tests: redis("late-repeats", "a commit that is delivered again"),
  },
  {
    name: "lua-commit-late",
    promise: "I10: a commit after its not-after time is refused",
    file: script,
    find: "if at > tonumber(not_after) then return { 'late', at } end",
    replace: "",
    tests: redis("commit", "finds the outcome of a commit"),
  },
  {
    name: "lua-commit-unfenced",
    promise: "I13: a commit with a lower fence is refused",
    file: script,
    find: "tonumber(held_fence) < tonumber(fence)",
    replace: "tonumber(held_fence) < 0",
    tests: suite("a commit with a lower fence"),
  },
  {
    name: "lua-commit-last-decides",
    promise: "I21: the first outcome of a number counts",
    file: script,
    find: "if tonumber(number) <= tonumber(settled) then",
    replace: "if tonumber(number) < tonumber(settled) then",
    tests: suite("I21 a number is settled once|I21 of racing commits"),
  },
  {
    name: "lua-commit-loss-unreported",
    promise: "I21: a store with a lower settled number than the caller's answers behind",
    file: script,
    find: "if tonumber(settled or '0') < tonumber(known_settled) then",
    replace: "if tonumber(settled or '0') < 0 then",
    tests: suite("I21 a store with a lower settled number"),
  },
  {
    name: "lua-commit-forgotten-is-new",
    promise: "I21: a client whose record was dropped is not treated as a new client",
    file: script,
    find: "if forget_mark_now ~= client_mark then",
    replace: "if not client_mark then",
    tests: suite("I21 of 9 clients"),
  },
  {
    name: "lua-commit-floor",
    promise: "I21: a new record does not cover earlier numbers",
    file: script,
    find: "if tonumber(number) < tonumber(floor) then",
    replace: "if tonumber(number) < 0 then",
    tests: suite("I21 numbers below a new record"),
  },
  {
    name: "lua-commit-outcomes-change",
    promise: "I21: outcomes in the record do not change",
    file: script,
    find: "outcomes = outcomes % 2 ^ moved + (",
    replace: "outcomes = outcomes - outcomes % 2 ^ 0 + (",
    tests: suite("I21 outcomes in the record do not change"),
  },
  {
    name: "lua-commit-refusals-dropped",
    promise: "I21: the refused ones of the last 48 numbers are kept over many commits",
    file: script,
    find: "(tonumber(refused or '0', 36) * 2 ^ moved) % 2 ^ 48",
    replace: "(tonumber(refused or '0', 36) * 2 ^ moved) % 2 ^ 47",
    tests: suite("I21 refusals among the last 48"),
  },
  {
    name: "lua-commit-full",
    promise: "I21, I22: a commit whose messages do not fit changes nothing",
    file: script,
    find: "if box and not drop then return { 'full' } end",
    replace: "drop = drop or 0",
    tests: suite("with whenFull refuse a commit"),
  },
  {
    name: "lua-commit-forgets-first",
    promise: "I21: at maxmemory a commit is refused as a whole",
    file: script,
    find: "local after, offset, before = lineage, 0, 0\n",
    replace:
      "local after, offset, before = lineage, 0, 0\nif not settled and oldest_client() then redis.call('HDEL', key, oldest_client()) end\n",
    tests: redis("commit", "at maxmemory"),
  },
  {
    name: "lua-commit-forgets-latest",
    promise: "Of nine clients the client whose last settled number is oldest loses its record",
    file: shared,
    find: "if settled_at < oldest_at then",
    replace: "if not oldest or settled_at > oldest_at then",
    tests: suite("I21 of 9 clients"),
  },
  {
    name: "lua-rotate-keeps-the-forget-mark",
    promise: "I21: the first transaction of a client of the former subject is not committed for the new one",
    file: "packages/store-redis/src/scripts/rotate.lua",
    find: "  fields[#fields + 1] = 'g'\n  fields[#fields + 1] = forget_mark(new_lineage)\n",
    replace:
      "  if #dropped > 0 then\n    fields[#fields + 1] = 'g'\n    fields[#fields + 1] = forget_mark(new_lineage)\n  end\n",
    tests: suite("I21 after a change of the subject"),
  },
  {
    name: "lua-commit-records-of-the-former-subject",
    promise: "I21: a change of subject drops all records",
    file: "packages/store-redis/src/scripts/rotate.lua",
    find: "matching_fields('^[akc]')",
    replace: "matching_fields('^[ak]')",
    tests: suite("I21 a change from one subject"),
  },
];
