/** The page: a login, a button, and the clicks of this login, in each of its tabs. */
import { connect } from "@wsession/client";
import type { Client } from "@wsession/client";

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
};
const say = (text: unknown): void => {
  element("status").textContent = String(text);
};
const address = new URL("/live", location.href.replace(/^http/, "ws"));
let client: Client = open();

function open(): Client {
  const opened = connect(address, { storage: sessionStorage });
  opened.on("message", ({ data }) => {
    show(true);
    element("clicks").textContent = String(JSON.parse(String(data)).clicks);
  });
  opened.on("status", ({ status }) => say(status));
  // The client has ended, because a login is needed: the close code is 4401 without a session, 4410 after a logout.
  opened.on("closed", () => show(false));
  return opened;
}

function show(isLoggedIn: boolean): void {
  element("login").hidden = isLoggedIn;
  element("app").hidden = !isLoggedIn;
}

async function post(path: string, body: unknown): Promise<boolean> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) say(await response.text());
  return response.ok;
}

element("click").addEventListener("click", () => {
  client.send("click").catch(say);
});
element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!(event.target instanceof HTMLFormElement)) return;
  const fields = Object.fromEntries(new FormData(event.target));
  post("/login", fields).then((isLoggedIn) => {
    if (isLoggedIn) client = open();
  }, say);
});
element("logout").addEventListener("click", () => {
  post("/logout", {}).catch(say);
});
