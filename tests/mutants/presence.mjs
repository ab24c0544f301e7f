/** @import { Mutant } from "./mutants.mjs" */

import { redis, tests } from "./suites.mjs";

const event = "packages/store-redis/src/sessions/destroyed-event.ts";
const unclaimed = "packages/store-redis/src/processes/unclaimed-events.ts";
const scripts = "packages/store-redis/src/scripts";

/** Promises of presence: the event `destroyed` of each destroyer.
 * @type {readonly Mutant[]} */
export const presenceMutants = [
  {
    name: "destroyed-not-listed-before",
    promise: "A process that ends right after the destruction does not take the event with it",
    file: event,
    find: 'await listed(unclaimed.list(id, "destroyed", calls.timeoutMs, deadline));',
    replace: "",
    tests: redis("destroyed-events", "cut off"),
  },
  {
    name: "destroyed-due-too-early",
    promise: "A session is not looked at for its destruction before the destruction was decided",
    file: event,
    find: 'unclaimed.list(id, "destroyed", calls.timeoutMs, deadline)',
    replace: 'unclaimed.list(id, "destroyed", 0, deadline)',
    tests: redis("destroyed-events", "cut off"),
  },
  {
    name: "destroyed-late",
    promise: "An event of a process without a function for it is told within a second",
    file: event,
    find: 'if (reply.type === "destroyed") unclaimed.listNow(id, "destroyed");',
    replace: "",
    tests: redis("destroyed-events", "within a second"),
  },
  {
    name: "destroyed-needs-memory",
    promise: "A session with an event is destroyed at maxmemory",
    file: event,
    find: "listing?.catch(() => undefined)",
    replace: "listing",
    tests: redis("destroyed-events", "maxmemory"),
  },
  {
    name: "destroyed-not-listed-again",
    promise: "An event that could not be listed is listed once there is memory",
    file: unclaimed,
    find: "this.#failed.set(id, type);",
    replace: "",
    tests: redis("destroyed-events", "maxmemory"),
  },
  {
    name: "destroyed-not-watched",
    promise: "Watching processes hear of a destruction by a process that records nothing",
    file: event,
    find: "(recording.isOn || reply.wasRecorded)",
    replace: "recording.isOn",
    tests: redis("destroyed-events", "watching processes"),
  },
  {
    name: "unclaimed-kept-for-ever",
    promise: "Events that nobody takes leave their queue",
    file: unclaimed,
    find: "if (old.length > 0) await calls.command(",
    replace: "if (old.length < 0) await calls.command(",
    tests: redis("destroyed-events", "nobody takes"),
  },
  {
    name: "unclaimed-not-moved",
    promise: "An event that is taken is in the queue of a process until it is handled",
    file: unclaimed,
    find: "await move(ids);",
    replace: "void move;",
    tests: redis("destroyed-events", "within a second"),
  },
  {
    name: "lua-told-unwatched",
    promise: "A change is sent only to processes that watch the subject",
    file: `${scripts}/publish-changes.lua`,
    find: "if watched[change] == 1 then",
    replace: "if watched then",
    tests: redis("watching", "no process that watches others"),
  },
  {
    name: "lua-unwanted-claimed",
    promise: "A process without a function for an event does not lose the event",
    file: `${scripts}/look.lua`,
    find: "if string.find(wanted, string.sub(type, 1, 1), 1, true) then",
    replace: "if true then",
    tests: redis("destroyed-events", "takes over the queue"),
  },
  {
    name: "lua-unwanted-left-stays",
    promise: "A left that no process wants any more does not hold back expired",
    file: `${scripts}/look.lua`,
    find: "if not (type == 'left' and is_over) then",
    replace: "if true then",
    tests: redis("destroyed-events", "hold back"),
  },
  {
    name: "lua-unlisted-destroyed",
    promise: "A session whose event another process wants is listed before it is destroyed",
    file: `${scripts}/destroy.lua`,
    find: "if gives_event and listing == '' then return { 'unlisted' } end",
    replace: "",
    tests: redis("destroyed-events", "cut off"),
  },
  {
    name: "lua-resume-unmarked",
    promise: "A session that visits a process with events.destroyed causes the event from then on",
    file: `${scripts}/resume.lua`,
    find: "mark_wanted(flags, found[8])",
    replace: "",
    tests: redis("destroyed-events", "without the mark"),
  },
  {
    name: "lua-holder-unmarked",
    promise: "A session that a process with events.destroyed holds causes the event",
    file: `${scripts}/set-holder.lua`,
    find: "mark_wanted(flags, found[9])",
    replace: "",
    tests: redis("destroyed-events", "without the mark"),
  },
  {
    name: "lua-create-unmarked",
    promise: "A session that a process with events.destroyed creates causes the event",
    file: `${scripts}/create.lua`,
    find: "if string.find(flags, 'd', 1, true) then put('i', 'd') end",
    replace: "",
    tests: tests("presence-destroyed.test.ts", "a process without events destroys"),
  },
];
