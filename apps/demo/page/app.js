/** The page: one WebSocket at a time, and what it tells. */
import { draw, focusServer, key, showServers, travel } from "./diagram.js";
import { byId, rich } from "./dom.js";
import { log } from "./log.js";
import { difference, enableForm, listenToForm, showSession } from "./session-form.js";
import { showSteps, tick } from "./steps.js";
import * as words from "./words.js";

/** @typedef {import("../src/messages.ts").Command} Command */
/** @typedef {import("../src/messages.ts").DemoDescription} DemoDescription */
/** @typedef {import("../src/messages.ts").Endpoint} Endpoint */
/** @typedef {import("../src/messages.ts").Report} Report */
/** @typedef {import("../src/messages.ts").SessionView} SessionView */

const MOST_STUMBLES = 10;
const VIA = "wsession-demo-via";

/** @type {DemoDescription | undefined} */
let demo;
/** @type {WebSocket | undefined} */
let socket;
/** The server in use, or the last one. @type {Endpoint | undefined} */
let endpoint;
/** The server through which the session was seen last. @type {Endpoint | undefined} */
let seenThrough;
/** @type {SessionView | undefined} */
let session;
/** Where to go once the socket has closed. @type {{ readonly to: Endpoint, readonly renewal?: string } | undefined} */
let next;
let killed = false;
/** Since the socket opened: messages heard and sent. */
let heard = 0;
let sent = 0;
/** How often in a row a server let go of the page as soon as it had it. */
let stumbles = 0;
let presence = "";

listenToForm(send);
byId("drop", HTMLButtonElement).addEventListener("click", () => send({ type: "drop" }));
byId("destroy", HTMLButtonElement).addEventListener("click", () => send({ type: "destroy" }));
byId("rotate", HTMLButtonElement).addEventListener("click", () => send({ type: "rotate" }));
enableForm(false);
await start();

async function start() {
  const description = await describe();
  if (description === undefined) return;
  const wanted = new URLSearchParams(location.search).get("via") ?? sessionStorage.getItem(VIA);
  // Said once: a reload stays where the visitor has gone since.
  history.replaceState(null, "", location.pathname);
  const first = description.endpoints.find((known) => key(known) === wanted) ?? description.endpoints[0];
  if (first !== undefined) open(first);
}

/** Asks which servers there are: one that was started again has a new pid. */
async function describe() {
  try {
    const response = await fetch("/demo.json");
    /** @type {DemoDescription} */
    const description = await response.json();
    demo = description;
    showDemo(description);
    return description;
  } catch {
    phase("ended");
    say({
      title: "The demo is not running",
      text: "Start it again with `npm run demo`, then reload this page.",
    });
    return undefined;
  }
}

/** @param {DemoDescription} description */
function showDemo({ store, endpoints, idleMs, absoluteMs }) {
  const redis = store === "redis";
  const several = endpoints.length > 1;
  showServers(endpoints, redis, choose, () => {
    killed = true;
    send({ type: "kill" });
  });
  showSteps((step) => (step === "kill" ? redis : step === "return" ? several : true));
  if (redis) byId("headline", HTMLElement).textContent = "One session, several processes";
  else if (!several) byId("headline", HTMLElement).textContent = "One session, many connections";
  byId("session-node-kind", HTMLElement).textContent = redis ? "Session, in Redis" : "Session, in a map";
  byId("frame", HTMLElement).hidden = redis;
  byId("frame-label", HTMLElement).textContent = `One Node.js process, pid ${endpoints[0]?.pid}`;
  byId("deadlines", HTMLElement).textContent =
    `after ${Math.round(idleMs / 60_000)} minutes without a message, ${Math.round(absoluteMs / 3_600_000)} hours at most`;
}

/** @param {Endpoint} to */
function choose(to) {
  if (socket !== undefined && socket.readyState <= WebSocket.OPEN) {
    next = { to };
    socket.close(1000, "moving");
  } else {
    void describe().then((description) => {
      const now = description?.endpoints.find((known) => key(known) === key(to));
      if (now !== undefined) open(now);
    });
  }
}

/**
 * @param {Endpoint} to
 * @param {string} [renewal]
 */
function open(to, renewal) {
  if (demo === undefined || (socket !== undefined && socket.readyState <= WebSocket.OPEN)) return;
  endpoint = to;
  killed = false;
  heard = 0;
  sent = 0;
  sessionStorage.setItem(VIA, key(to));
  phase("connecting");
  const query = renewal === undefined ? "" : `?renewal=${encodeURIComponent(renewal)}`;
  const began = performance.now();
  const opened = new WebSocket(`ws://${location.hostname}:${to.port}${demo.path}${query}`);
  socket = opened;
  let answered = false;
  opened.addEventListener("open", () => {
    answered = true;
    log(
      "open",
      `101 from ${to.name} on port ${to.port}, ${(performance.now() - began).toFixed(1)} ms after the request`,
    );
  });
  opened.addEventListener("message", ({ data }) => {
    heard += 1;
    if (heard > 1) stumbles = 0;
    /** @type {Report} */
    const report = JSON.parse(String(data));
    hear(report, to, renewal !== undefined);
  });
  opened.addEventListener("close", ({ code, reason }) => {
    socket = undefined;
    if (answered) closed(code, reason, to);
    else {
      log("closed", `No 101 from ${to.name} on port ${to.port}`);
      phase("dropped");
      say(words.unreachable(to.name));
    }
  });
}

/**
 * @param {number} code
 * @param {string} reason
 * @param {Endpoint} from
 */
function closed(code, reason, from) {
  log("closed", `\`${code}\` ${words.meaningOf(code)}${reason === "" ? "" : ` (“${reason}”)`}`);
  presence = "";
  byId("presence", HTMLElement).textContent = "–";
  if (next !== undefined) {
    const { to, renewal } = next;
    next = undefined;
    open(to, renewal);
    return;
  }
  // Some versions of uWebSockets.js end a socket right after they have upgraded it (uNetworking/uWebSockets#1928). As any
  // client should: come back. The cookie is there already, so it is to the session that the 101 belonged to.
  if (code === 1006 && heard <= 1 && sent === 0 && stumbles < MOST_STUMBLES) {
    stumbles += 1;
    open(from);
    return;
  }
  stumbles = 0;
  const ended = code === 4410 || code === 4419;
  if (code === 1006) tick(killed ? "kill" : "drop");
  if (code === 4410) tick("destroy");
  phase(ended ? "ended" : "dropped", code);
  say(words.closed(code, { killed, process: from.process, several: (demo?.endpoints.length ?? 0) > 2 }));
}

/** @param {Command} command */
function send(command) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify(command));
  sent += 1;
  travel("out");
  log("sent", `\`${JSON.stringify(command)}\``, `sent ${command.type}`);
}

/**
 * @param {Report} report
 * @param {Endpoint} from
 * @param {boolean} renewed
 */
function hear(report, from, renewed) {
  switch (report.type) {
    case "welcome":
      return welcome(report, from, renewed);
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
        `Changed elsewhere, version ${report.session.version}: ${difference(session, report.session)}`,
        "changed",
      );
      tick("tab");
      show(report.session);
      travel("in");
      return say(words.changed(report.session.version));
    case "presence":
      return showPresence(report);
    case "renewal":
      log("received", "A renewal code, good once: reconnecting with it");
      next = { to: from, renewal: report.code };
      return socket?.close(1000, "renewing");
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
 * @param {boolean} renewed
 */
function welcome(report, from, renewed) {
  const same = session?.id === report.session.id;
  log(
    "received",
    `${report.resumed ? "Resumed" : "Fresh"} session \`${short(report.session.id)}\`, version ${report.session.version}`,
  );
  if (report.resumed && same && key(seenThrough) !== key(from)) tick("return");
  phase("open");
  byId("served-by", HTMLElement).textContent = `${from.name}, process ${report.process} (pid ${report.pid})`;
  byId("connection-id", HTMLElement).textContent = report.connection;
  byId("resumed", HTMLElement).textContent = report.resumed ? "resumed" : "fresh";
  say(
    report.resumed
      ? words.resumed(from.name, same ? seenThrough?.name : undefined, report.session.version, renewed)
      : words.fresh(from.name),
  );
  show(report.session);
  seenThrough = from;
  const other = demo?.endpoints.find((known) => key(known) !== key(from)) ?? from;
  byId("second-tab", HTMLAnchorElement).href = `/?via=${key(other)}`;
  byId("second-tab", HTMLAnchorElement).textContent = `Open a second tab, through ${other.name}`;
}

/** @param {Extract<Report, { type: "presence" }>} report */
function showPresence({ connections, processes, missing }) {
  const tabs = `${connections} ${connections === 1 ? "connection" : "connections"}`;
  const where =
    demo?.store === "redis" ? ` on ${processes} ${processes === 1 ? "process" : "processes"}` : "";
  const gone = missing === 0 ? "" : `, ${missing} not answering`;
  const text = `${tabs}${where}${gone}`;
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
  const isOpen = now === "open";
  const focused = document.activeElement;
  const name = endpoint?.name ?? "";
  const texts = {
    loading: "Loading",
    connecting: `Connecting through ${name}`,
    open: `Connected through ${name}`,
    dropped: "Not connected",
    ended: session === undefined ? "Not connected" : "Session ended",
  };
  byId("status", HTMLElement).dataset["phase"] = now;
  byId("status-text", HTMLElement).textContent = texts[now];
  document.title = isOpen ? `${name} · wsession demo` : "wsession demo";
  byId("tab-detail", HTMLElement).textContent = isOpen
    ? `ws://${location.hostname}:${endpoint?.port}`
    : "not connected";
  byId("drop", HTMLButtonElement).disabled = !isOpen;
  byId("destroy", HTMLButtonElement).disabled = !isOpen;
  if (now === "dropped")
    byId("session-node-detail", HTMLElement).textContent =
      session === undefined ? "" : `version ${session.version}, waiting for you`;
  if (now === "ended") byId("session-node-detail", HTMLElement).textContent = "gone for good";
  if (!isOpen) for (const id of ["served-by", "connection-id"]) byId(id, HTMLElement).textContent = "–";
  if (!isOpen) byId("resumed", HTMLElement).textContent = "";
  enableForm(isOpen);
  draw({ phase: now, endpoint, closeCode });
  // Who pressed what can't be pressed any more goes on where the way on is.
  if (focused instanceof HTMLButtonElement && focused.disabled) focusServer(endpoint);
}

/** @param {words.Saying} saying */
function say({ title, text }) {
  byId("happened-title", HTMLElement).replaceChildren(...rich(title));
  byId("happened-text", HTMLElement).replaceChildren(...rich(text));
}

/** @param {string} id */
function short(id) {
  return `${id.slice(0, 8)}…`;
}
