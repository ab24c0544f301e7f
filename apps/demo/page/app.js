/** The page: connects with the client of wsession, and shows each event of the client. */
import { connect } from "./client.js";
import {
  countAnswered,
  countInSession,
  listenToCounting,
  placeCounting,
  showHowToBreak,
} from "./counting.js";
import { showDescription } from "./description.js";
import { draw, focusServer, key, showServers, travel } from "./diagram.js";
import { byId } from "./dom.js";
import { given } from "./given.js";
import { say } from "./happened.js";
import { log } from "./log.js";
import { difference, enableForm, listenToForm, showSession } from "./session-form.js";
import { showSteps, tick } from "./steps.js";
import * as route from "./route.js";
import * as words from "./words.js";

/** @typedef {import("../src/messages.ts").Command} Command */
/** @typedef {import("../src/messages.ts").DemoDescription} DemoDescription */
/** @typedef {import("../src/messages.ts").Endpoint} Endpoint */
/** @typedef {import("../src/messages.ts").Report} Report */
/** @typedef {import("../src/messages.ts").SessionView} SessionView */

/** @type {DemoDescription | undefined} */
let demo;
/** @type {import("./client.js").Client | undefined} */
let client;
/** The server of the connection, or of the current attempt. @type {Endpoint | undefined} */
let endpoint;
let isOpen = false;
let askedAt = 0;
/** The server of the last connection with a session. @type {Endpoint | undefined} */
let seenThrough;
/** @type {SessionView | undefined} */
let session;
/** The server whose process this page has killed. @type {Endpoint | undefined} */
let killed;
let isRenewing = false;
/** The user whom this page is logging in. @type {string | undefined} */
let loggingIn;
let presence = "";

listenToForm(send);
byId("drop", HTMLButtonElement).addEventListener("click", () => send({ type: "drop" }));
byId("destroy", HTMLButtonElement).addEventListener("click", () => send({ type: "destroy" }));
byId("rotate", HTMLButtonElement).addEventListener("click", () => send({ type: "rotate" }));
listenToCounting(
  () => client,
  () => send({ type: "look" }),
  () => (killed = demo?.store === "redis" ? endpoint : undefined),
);
enableForm(false);
showDemo(given());
open();

function open() {
  client = connect(address, { backoff: { minMs: 1_000, maxMs: 4_000 } });
  client.on("session", () => {
    route.succeeded();
    isOpen = true;
    if (endpoint === undefined) return;
    log(
      "open",
      `101 from ${endpoint.name} on port ${endpoint.port}, ${(performance.now() - askedAt).toFixed(1)} ms after the request`,
    );
  });
  client.on("message", ({ data, replayed }) => {
    /** @type {Report} */
    const report = JSON.parse(String(data));
    handleReport(report, replayed);
  });
  client.on("status", ({ status, code, reason }) => {
    if (status === "waiting") lost(code, reason);
  });
  client.on("closed", ({ code, reason }) => lost(code, reason));
}

/** The client calls this before each attempt. The description is fetched each time, because a restarted server has a new pid. */
async function address() {
  const response = await fetch("/demo.json");
  /** @type {DemoDescription} */
  const description = await response.json();
  demo = description;
  showDemo(description);
  const { endpoints, path } = description;
  const next = route.nextOf(endpoints);
  endpoint = next;
  phase("connecting");
  askedAt = performance.now();
  return `ws://${location.hostname}:${next.port}${path}`;
}

/** @param {DemoDescription} description */
function showDemo(description) {
  const { store, endpoints } = description;
  const redis = store === "redis";
  const several = endpoints.length > 1;
  showServers(endpoints, redis, choose, () => {
    killed = endpoint;
    send({ type: "kill" });
  });
  showSteps((step) => (step === "kill" ? redis : step === "return" ? several : true));
  showDescription(description);
  showHowToBreak(redis);
}

/** @param {Endpoint} to */
function choose(to) {
  route.want(to);
  if (client === undefined || client.status === "closed") open();
  else client.reconnect();
}

/**
 * The connection has ended, or an attempt has failed. The client tries again, unless it is closed.
 *
 * @param {number} code
 * @param {string} reason
 */
function lost(code, reason) {
  const wasOpen = isOpen;
  isOpen = false;
  presence = "";
  route.failed();
  byId("presence", HTMLElement).textContent = "–";
  const ended = client?.status === "closed";
  if (!wasOpen && !ended) {
    const name = endpoint?.name ?? "the demo";
    log("closed", `No 101 from ${name}`);
    phase("dropped");
    return say(words.unreachable(name));
  }
  log("closed", `\`${code}\` ${words.meaningOf(code)}${reason === "" ? "" : ` (“${reason}”)`}`);
  if (code === 1006) tick(killed === undefined ? "drop" : "kill");
  if (code === 4410) tick(session?.subject === undefined ? "destroy" : "logout");
  if (code === 4419) tick("expire");
  phase(ended ? "ended" : "dropped", code);
  say(words.closed(code, killed?.process));
}

/** @param {Command} command */
function send(command) {
  // At most once: a command that kills a process must not be sent again to the next one.
  if (client?.sendNow(JSON.stringify(command)) !== true) return;
  if (command.type === "rotate") isRenewing = true;
  if (command.type === "login") loggingIn = command.user;
  travel("out");
  log("sent", `\`${JSON.stringify(command)}\``, `sent ${command.type}`);
}

/**
 * @param {Report} report
 * @param {boolean} replayed Whether the message was sent while this page was away.
 */
function handleReport(report, replayed) {
  switch (report.type) {
    case "welcome":
      return endpoint === undefined ? undefined : welcome(report, endpoint);
    case "written": {
      const what = difference(session, report.session);
      log(
        "received",
        `Saved by \`${report.method}\` as version ${report.session.version}: ${what}`,
        `written ${report.method}`,
      );
      tick("change");
      show(report.session);
      return say(words.written(report.method, report.session.version));
    }
    case "changed":
      log(
        "received",
        `Another connection changed the session, version ${report.session.version}: ${difference(session, report.session)}`,
        "changed",
      );
      tick("tab");
      show(report.session);
      travel("in");
      return say(words.changed(report.session.version));
    case "presence":
      return showPresence(report);
    case "pressed":
      return countAnswered(report);
    case "seen":
      return show(report.session);
    case "expires":
      log("received", `The session expires in ${report.inMs / 1_000} s`);
      return say(words.expires(report.inMs));
    case "letter":
      log(
        "received",
        `Message ${report.number} of ${report.of}${replayed ? ", sent while you were away" : ""}`,
      );
      if (replayed && report.number === report.of) tick("away");
      return say(words.letter(report, replayed));
    case "refused":
      log("received", `Refused: ${report.reason}`);
      if (session !== undefined) show(session);
      return say({ title: "Not done", text: `${report.reason[0]?.toUpperCase()}${report.reason.slice(1)}.` });
    case "failed":
      log("received", `\`${report.code}\` ${report.reason}`);
      if (session !== undefined) show(session);
      return say(words.failed(report));
  }
}

/**
 * @param {Extract<Report, { type: "welcome" }>} report
 * @param {Endpoint} from
 */
function welcome(report, from) {
  const same = session?.id === report.session.id;
  log(
    "received",
    `${report.resumed ? "Resumed" : "Fresh"} session \`${report.session.id.slice(0, 8)}…\`, version ${report.session.version}`,
  );
  if (report.resumed && same && key(seenThrough) !== key(from)) tick("return");
  phase("open");
  byId("served-by", HTMLElement).textContent =
    `${words.runtimeName(from.runtime)}, process ${report.process} (pid ${report.pid})`;
  byId("connection-id", HTMLElement).textContent = report.connection;
  byId("resumed", HTMLElement).textContent = report.resumed ? "resumed" : "fresh";
  if (!report.resumed) say(words.fresh(from.name));
  else if (killed !== undefined) say(words.survived(killed.process, from.name));
  else if (loggingIn !== undefined && report.session.subject === loggingIn) say(words.loggedIn(loggingIn));
  else
    say(words.resumed(from.name, same ? seenThrough?.name : undefined, report.session.version, isRenewing));
  killed = undefined;
  isRenewing = false;
  loggingIn = undefined;
  placeCounting({ port: from.port, path: demo?.plainPath, connection: report.connection });
  show(report.session);
  seenThrough = from;
  const other = demo?.endpoints.find((known) => key(known) !== key(from)) ?? from;
  byId("second-tab", HTMLAnchorElement).href = `/?via=${key(other)}`;
}

/** @param {Extract<Report, { type: "presence" }>} report */
function showPresence(report) {
  const text = words.presence(report, demo?.store === "redis");
  if (text === presence) return;
  if (presence !== "") log("received", `Presence: ${text}`);
  presence = text;
  byId("presence", HTMLElement).textContent = text;
  showDetail();
}

/** @param {SessionView} current */
function show(current) {
  session = current;
  showSession(current);
  countInSession(current);
  showDetail();
}

function showDetail() {
  if (session === undefined) return;
  const parts = [`version ${session.version}`, presence].filter((part) => part !== "");
  byId("session-node-detail", HTMLElement).textContent = parts.join(", ");
}

/**
 * @param {import("./diagram.js").Phase} now
 * @param {number} [closeCode]
 */
function phase(now, closeCode) {
  const isLive = now === "open";
  const focused = document.activeElement;
  const name = endpoint?.name ?? "";
  byId("status", HTMLElement).dataset["phase"] = now;
  byId("status-text", HTMLElement).textContent = words.status(now, name, session !== undefined);
  document.title = isLive ? `${name} · wsession demo` : "wsession demo";
  byId("tab-detail", HTMLElement).textContent = isLive
    ? `ws://${location.hostname}:${endpoint?.port}`
    : "not connected";
  byId("drop", HTMLButtonElement).disabled = !isLive;
  byId("destroy", HTMLButtonElement).disabled = !isLive;
  if (now === "dropped")
    byId("session-node-detail", HTMLElement).textContent =
      session === undefined ? "" : `version ${session.version}, waiting for you`;
  if (now === "ended") {
    byId("session-node-detail", HTMLElement).textContent = "gone for good";
    delete byId("session-node", HTMLElement).dataset["session"];
  }
  if (!isLive) for (const id of ["served-by", "connection-id"]) byId(id, HTMLElement).textContent = "–";
  if (!isLive) byId("resumed", HTMLElement).textContent = "";
  if (!isLive) placeCounting(undefined);
  enableForm(isLive);
  draw({ phase: now, endpoint, closeCode });
  // A button that had the focus is disabled now: move the focus to a server, so that a keyboard user can continue.
  if (focused instanceof HTMLButtonElement && focused.disabled) focusServer(endpoint);
}
