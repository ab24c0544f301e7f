import { randomBytes } from "node:crypto";

/** The character after the option `node`. No value of the option contains it. */
const END = "~";

/** A unique name of this process: a random part, because two processes may have the same `name`. */
export function newNodeName(name: string | undefined): string {
  const unique = randomBytes(6).toString("base64url");
  return name === undefined ? unique : `${name}${END}${unique}`;
}

/** The name of a process in reports: the option `node`, or the unique name without it. */
export function shownNode(node: string): string {
  const end = node.indexOf(END);
  return end === -1 ? node : node.slice(0, end);
}
