import type { WebSocketServer } from "ws";

/**
 * Remembers the methods of a server that the adapter is about to replace. Returns a function that puts them back. A method of the
 * class is not assigned, because the assigned copy would hide a later method of the class from this server.
 */
export function rememberMethods(
  server: WebSocketServer,
  ...names: readonly ("emit" | "handleUpgrade")[]
): () => void {
  const own = names.map((name) => [name, Object.getOwnPropertyDescriptor(server, name)] as const);
  return () => {
    for (const [name, descriptor] of own)
      if (descriptor === undefined) Reflect.deleteProperty(server, name);
      else Object.defineProperty(server, name, descriptor);
  };
}
