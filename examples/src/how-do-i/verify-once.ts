import { createHmac } from "node:crypto";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { ConnectionOf } from "@wsession/core";
import { connect, listen } from "../client.ts";

interface Claims {
  readonly sub: string;
  readonly name: string;
  readonly role: "admin" | "guest";
}
let verified = 0;

/** Stands in for a JWT library. */
async function verify(token: string): Promise<Claims | undefined> {
  verified += 1;
  const [head = "", body = "", signature] = token.split(".");
  if (signature !== signatureOf(`${head}.${body}`)) return undefined;
  const claims: Claims = JSON.parse(Buffer.from(body, "base64url").toString());
  return claims;
}

function signatureOf(text: string): string {
  return createHmac("sha256", "a secret of the server").update(text).digest("base64url");
}

function tokenOf(claims: Claims): string {
  const [head, body] = [{ alg: "HS256" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return `${head}.${body}.${signatureOf(`${head}.${body}`)}`;
}

// #region context
const sessions = createSessions({
  store: mapStore(),
  async admit({ headers }) {
    const claims = await verify(headers["authorization"]?.replace("Bearer ", "") ?? "");
    if (claims === undefined) return reject(401, "log in", { headers: { "www-authenticate": "Bearer" } });
    return accept({ subject: claims.sub, context: claims });
  },
  initial: (_handshake, claims) => ({ name: claims.name, visits: 0 }),
});
// #endregion

// #region use
function greet(conn: ConnectionOf<typeof sessions>): void {
  const { role } = conn.context; // verified once, when the connection was admitted
  conn.send(`${conn.session.data.name} is ${role}`);
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  const ended: string[] = [];
  bindSessions(server, sessions, {
    open: greet,
    message: greet,
    // #region closed
    close(conn, { code, by }) {
      ended.push(`${conn.context.name} left: ${code}, by the ${by}`);
    },
    // #endregion
  });
  const authorization = `Bearer ${tokenOf({ sub: "7", name: "ada", role: "admin" })}`;
  const client = await connect(url, { authorization });
  const lines = [await client.next()];
  client.send("who am I?");
  lines.push(await client.next());
  await client.close();
  await connect(url).catch((error: unknown) => lines.push(String(error)));
  await sessions.close();
  server.close();
  return [...lines, ...ended, `${verified} verified`];
}
