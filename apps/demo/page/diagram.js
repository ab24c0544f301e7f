/** The diagram: this tab, the servers, the session, and the live path between them. */
import { byId, make } from "./dom.js";

/** @typedef {import("../src/messages.ts").Endpoint} Endpoint */
/** @typedef {"loading" | "connecting" | "open" | "dropped" | "ended"} Phase */
/**
 * @typedef {object} Scene
 * @property {Phase} phase
 * @property {Endpoint | undefined} endpoint The server in use, or the last one.
 * @property {number | undefined} closeCode
 */

const stage = byId("stage", HTMLElement);
const lines = byId("lines", SVGSVGElement);
const tabNode = byId("tab-node", HTMLElement);
const sessionNode = byId("session-node", HTMLElement);
const servers = byId("servers", HTMLElement);
const cut = byId("cut", HTMLElement);
const pulse = byId("pulse", HTMLElement);
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @type {{ endpoint: Endpoint, node: HTMLElement, button: HTMLButtonElement, kill: HTMLButtonElement, kind: HTMLElement }[]} */
let shown = [];
/** @type {Scene} */
let scene = { phase: "loading", endpoint: undefined, closeCode: undefined };

new ResizeObserver(() => drawLines()).observe(stage);

/**
 * @param {readonly Endpoint[]} endpoints
 * @param {boolean} killable
 * @param {(endpoint: Endpoint) => void} choose
 * @param {() => void} kill
 */
export function showServers(endpoints, killable, choose, kill) {
  const same =
    shown.length === endpoints.length &&
    endpoints.every((next, index) => key(next) === key(shown[index]?.endpoint));
  if (!same) {
    shown = endpoints.map((endpoint) => serverNode(endpoint, choose, kill));
    servers.replaceChildren(...shown.map(({ node }) => node));
  }
  endpoints.forEach((endpoint, index) => {
    const entry = shown[index];
    if (entry === undefined) return;
    entry.endpoint = endpoint;
    entry.kind.textContent = killable ? `Process ${endpoint.process} · pid ${endpoint.pid}` : "Server";
    entry.kill.hidden = !killable;
  });
  draw(scene);
}

/**
 * @param {Endpoint} endpoint
 * @param {(endpoint: Endpoint) => void} choose
 * @param {() => void} kill
 */
function serverNode(endpoint, choose, kill) {
  const id = `server-${key(endpoint)}`;
  const kind = make("p", { className: "kind" });
  // The name may break before "Sockets" on a narrow screen.
  const [head = "", ...rest] = endpoint.name.split(/(?=Sockets)/);
  const name = make("h3", {}, [make("span", {}, [head, make("wbr"), ...rest])]);
  name.id = id;
  const button = make("button");
  button.type = "button";
  const killButton = make("button", { className: "quiet danger", text: "Kill it" });
  killButton.type = "button";
  const node = make("article", { className: "node" }, [
    kind,
    name,
    make("p", { className: "detail", text: `port ${endpoint.port}` }),
    make("div", { className: "row" }, [button, killButton]),
  ]);
  node.setAttribute("aria-labelledby", id);
  const entry = { endpoint, node, button, kill: killButton, kind };
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") choose(entry.endpoint);
  });
  killButton.addEventListener("click", () => kill());
  return entry;
}

/** @param {Endpoint | undefined} endpoint */
export function key(endpoint) {
  return endpoint === undefined ? "" : `${endpoint.process}-${endpoint.runtime}`;
}

/** @param {Scene} next */
export function draw(next) {
  scene = next;
  const { phase, endpoint } = next;
  stage.dataset.phase = phase;
  if (phase !== "open") for (const animation of pulse.getAnimations()) animation.cancel();
  for (const { endpoint: its, node, button, kill } of shown) {
    const current = key(its) === key(endpoint);
    const live = current && phase === "open";
    node.classList.toggle("live", live);
    // Not `disabled`, because a disabled button loses the focus, and a keyboard user would lose the place on the page.
    button.setAttribute("aria-disabled", String(live || phase === "connecting"));
    button.textContent = buttonText(phase, current);
    kill.disabled = !live;
  }
  sessionNode.classList.toggle("live", phase === "open");
  tabNode.classList.toggle("live", phase === "open");
  drawLines();
}

/**
 * @param {Phase} phase
 * @param {boolean} current
 */
function buttonText(phase, current) {
  if (phase === "connecting") return current ? "Connecting" : "Wait";
  if (phase === "open") return current ? "You are here" : "Move here";
  if (phase === "dropped") return "Come back here";
  return phase === "ended" ? "Start afresh here" : "Connect here";
}

/**
 * Moves the focus to the button of a server other than `last`; of `last` if there is no other.
 *
 * @param {Endpoint | undefined} last
 */
export function focusServer(last) {
  const other = shown.find(({ endpoint }) => key(endpoint) !== key(last)) ?? shown[0];
  other?.button.focus();
}

function drawLines() {
  const { phase, endpoint, closeCode } = scene;
  const area = stage.getBoundingClientRect();
  lines.setAttribute("viewBox", `0 0 ${area.width} ${area.height}`);
  /** @type {SVGPathElement[]} */
  const paths = [];
  cut.hidden = true;
  for (const { endpoint: its, node } of shown) {
    const current = key(its) === key(endpoint);
    const here = between(tabNode, node, area);
    const there = between(node, sessionNode, area);
    const open = current && phase === "open";
    paths.push(path(there, open ? "line live" : "line"));
    if (current && (phase === "dropped" || phase === "ended")) {
      const broken = path(here, "line broken");
      paths.push(broken);
      placeCut(broken, closeCode);
    } else {
      paths.push(path(here, open ? "line live" : current && phase === "connecting" ? "line trying" : "line"));
    }
  }
  lines.replaceChildren(...paths);
}

/**
 * @param {SVGPathElement} broken
 * @param {number | undefined} closeCode
 */
function placeCut(broken, closeCode) {
  const middle = broken.getPointAtLength(broken.getTotalLength() / 2);
  cut.textContent = closeCode === undefined ? "no answer" : String(closeCode);
  cut.style.left = `${middle.x}px`;
  cut.style.top = `${middle.y}px`;
  cut.hidden = false;
}

/**
 * A curve from one node to the next: horizontal if the nodes are side by side, vertical if they are stacked.
 *
 * @param {HTMLElement} from
 * @param {HTMLElement} to
 * @param {DOMRect} area
 */
function between(from, to, area) {
  const a = from.getBoundingClientRect();
  const b = to.getBoundingClientRect();
  const sideways = b.left >= a.right;
  const x1 = (sideways ? a.right : a.left + a.width / 2) - area.left;
  const y1 = (sideways ? a.top + a.height / 2 : a.bottom) - area.top;
  const x2 = (sideways ? b.left : b.left + b.width / 2) - area.left;
  const y2 = (sideways ? b.top + b.height / 2 : b.top) - area.top;
  return sideways
    ? `M${x1} ${y1} C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1} C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`;
}

/**
 * @param {string} d
 * @param {string} className
 */
function path(d, className) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  element.setAttribute("d", d);
  element.setAttribute("pathLength", "100");
  element.setAttribute("class", className);
  return element;
}

/**
 * Animates a message between this tab and the session.
 *
 * @param {"out" | "in"} direction
 */
export function travel(direction) {
  const node = shown.find(({ endpoint }) => key(endpoint) === key(scene.endpoint))?.node;
  if (still.matches || node === undefined || scene.phase !== "open" || document.hidden) return;
  const area = stage.getBoundingClientRect();
  const route = `${between(tabNode, node, area)} ${between(node, sessionNode, area)}`;
  pulse.style.offsetPath = `path("${route}")`;
  const there = [
    { offsetDistance: "0%", opacity: 1 },
    { offsetDistance: "100%", opacity: 1 },
  ];
  pulse.animate(direction === "out" ? there : there.toReversed(), { duration: 520, easing: "ease-in-out" });
}
