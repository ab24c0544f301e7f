// Starts the echo server that the argument names, and loads only the modules of that server.
const starts: Readonly<Record<string, () => Promise<() => void>>> = {
  "bare-ws": async () => (await import("./echo-bare.ts")).bareWs,
  "bare-uws": async () => (await import("./echo-bare.ts")).bareUws,
  "bare-uws-pinging": async () => (await import("./echo-bare.ts")).bareUwsPinging,
  "bare-uws-framed": async () => (await import("./echo-bare.ts")).bareUwsFramed,
  "bare-uws-async": async () => (await import("./echo-bare.ts")).bareUwsAsync,
  "wsession-ws": async () => (await import("./echo-wsession.ts")).wsessionWs,
  "wsession-uws": async () => (await import("./echo-wsession.ts")).wsessionUws,
  "wsession-uws-async": async () => (await import("./echo-wsession.ts")).wsessionUwsAsync,
  "wsession-ws-listened": async () => (await import("./echo-wsession.ts")).wsessionWsListened,
  "wsession-uws-listened": async () => (await import("./echo-wsession.ts")).wsessionUwsListened,
  "wsession-uws-probed": async () => (await import("./echo-wsession.ts")).wsessionUwsProbed,
  "crossws-ws": async () => (await import("./echo-peers.ts")).crosswsOnWs,
  "crossws-uws": async () => (await import("./echo-peers.ts")).crosswsOnUws,
  socketio: async () => (await import("./echo-peers.ts")).socketio,
};

const [name = ""] = process.argv.slice(2);
const start = await starts[name]?.();
if (start === undefined) throw new Error(`no server is called "${name}"`);
start();
