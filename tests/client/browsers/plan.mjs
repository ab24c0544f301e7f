// What `npm run test:browsers` runs, and the table of docs/compatibility.md that it writes.

/** @import { Suite } from "../../platforms/plan.mjs" */
/** @import { PageTable } from "../../platforms/table.mjs" */

const FOLDER = "tests/client/browsers/";

/**
 * @param {string} file
 * @param {string} title
 * @param {string} name a part of the names of its tests
 * @returns {Suite}
 */
const scenario = (file, title, name) => ({ title, files: `${FOLDER}${file}.test.ts`, name });

const frozen = scenario(
  "sessions",
  "A frozen tab is back when it thaws, and misses nothing",
  "a tab that was frozen",
);

/** @type {readonly Suite[]} */
const everywhere = [
  scenario(
    "sessions",
    "The browser keeps the HttpOnly cookie of a 101, and the page comes back to its session by it",
    "keeps the HttpOnly cookie of a 101",
  ),
  scenario(
    "sessions",
    "The page comes back by a token in `localStorage`, after a drop and after a reload",
    "comes back by a token in its storage",
  ),
  scenario("messages", "Two tabs have one session, and each gets every message", "two tabs of one browser"),
  scenario("messages", "Offline and online again: nothing is missing", "a page that goes offline"),
  scenario(
    "messages",
    "Reload with `storage`: nothing is missing, and unsettled messages are handled",
    "a reload with `storage`",
  ),
  scenario("messages", "Server killed with SIGKILL, three times", "kill -9 of the server"),
  scenario(
    "sessions",
    "Deploy (1012): the page goes on at another process, and nothing is lost",
    "a deploy (1012)",
  ),
  scenario("sessions", "Replaced (4409), in one process and by a tab at another process", "exclusive:"),
  scenario("sessions", "Destroyed (4410)", "a session that is destroyed"),
  scenario("sessions", "Expired (4419)", "a session that expires"),
  scenario("sessions", "Two tabs log in at the same time", "two tabs that log in"),
  scenario("sessions", "A tab reconnects while another one logs in", "a tab that reconnects"),
];

/** Planted faults that the scenarios must detect. */
const controls = { title: "Planted faults that the scenarios notice", files: FOLDER, name: "is caught:" };

const suites = [...everywhere, frozen, controls];
/** No protocol of these browsers freezes a tab. */
const withoutFreeze = [...everywhere, controls];

/** @satisfies {PageTable & { rows: readonly { id: string, suites: readonly Suite[] }[] }} */
export const browsersTable = {
  title: "Browsers",
  head: "scenario",
  isTurned: true,
  suites,
  rows: [
    { id: "chromium", suites },
    { id: "firefox", suites: withoutFreeze },
    { id: "webkit", suites: withoutFreeze },
  ],
};
