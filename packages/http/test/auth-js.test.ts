/** The reader for Auth.js with sessions in a database; examples/src/auth-js-database.ts runs it with the real package. */
import { fromAuthJs } from "@wsession/http";
import { expect, test } from "vitest";

const request = { headers: { cookie: "a=b; __Secure-authjs.session-token=token; other=x" } };
const readWith = (expires: unknown, name?: string) =>
  fromAuthJs({
    adapter: {
      getSessionAndUser: async (token) =>
        token === "token" ? { session: { expires: expires as Date }, user: { id: "ada" } } : null,
    },
    name,
  });

test("fromAuthJs reads the user of a session, whose date of expiry may be a text, and undefined without a session", async () => {
  const expires = new Date(Date.now() + 60_000);
  for (const one of [expires, expires.toISOString()])
    expect((await readWith(one)(request))?.user).toEqual({ id: "ada" });
  for (const cookie of [
    undefined,
    "",
    "__Secure-authjs.session-token=",
    "__Secure-authjs.session-token=%",
    "authjs.session-token=token",
  ])
    expect(await readWith(expires)({ headers: { cookie } })).toBeUndefined();
  const plain = { headers: { cookie: "authjs.session-token=token" } };
  expect(await readWith(expires, "authjs.session-token")(plain)).toBeDefined();
});

test("fromAuthJs reads no user from a session that has expired, or whose expiry is not a date", async () => {
  for (const expires of [
    new Date(Date.now() - 1),
    new Date(0).toISOString(),
    new Date(NaN),
    "soon",
    null,
    undefined,
    {},
  ])
    expect(await readWith(expires)(request)).toBeUndefined();
});

test("fromAuthJs rejects with the error of an adapter that is unavailable", async () => {
  const away = new Error("away");
  const failing = { getSessionAndUser: () => Promise.reject(away) };
  await expect(fromAuthJs({ adapter: failing })(request)).rejects.toBe(away);
  const throwing = {
    getSessionAndUser() {
      throw away;
    },
  };
  await expect(fromAuthJs({ adapter: throwing })(request)).rejects.toBe(away);
});
