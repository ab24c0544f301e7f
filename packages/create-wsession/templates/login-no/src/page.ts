/** The page: a button, and the clicks of this browser, in each of its tabs. */
import { connect } from "@wsession/client";

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
};
const address = new URL("/live", location.href.replace(/^http/, "ws"));
const client = connect(address, { storage: sessionStorage });

client.on("message", ({ data }) => {
  element("clicks").textContent = String(JSON.parse(String(data)).clicks);
});
client.on("status", ({ status }) => {
  element("status").textContent = status;
});
element("click").addEventListener("click", () => {
  client.send("click").catch((error: unknown) => {
    element("status").textContent = String(error);
  });
});
