import { expect, test } from "vitest";
import { aCreation, anAppend, newDigest } from "./fake-host.ts";
import { settled, useLoadedScripts } from "./lost-replies.ts";
import { until } from "./redis-server.ts";

const { settledBehindProxy } = useLoadedScripts();

test("a login that is repeated says which messages belong to the former subject, and not those of the new one (I10, I18)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy();
  const { id } = aCreation();
  await process.store.create(aCreation({ id, subject: "ada", hold: true }));
  await onlooker.store.append(anAppend(id, ["for ada", "for ada too"]));
  const endOfAda = (await onlooker.store.load(id))?.outbox;
  expect(endOfAda).toMatchObject({ offset: 2 });
  await settled(process);
  const secrets = { digest: newDigest(), renewalDigest: newDigest(), renewalMs: 60_000, graceMs: 60_000 };
  // Calls without the digest come first: they list the session in the subject's index.
  proxy.holdFrom(secrets.digest);
  const login = process.store.rotate({ id, ...secrets, subject: "bob", fence: undefined, known: 1 });
  await until(async () => (await onlooker.store.load(id))?.subject === "bob");
  await onlooker.store.append(anAppend(id, ["for bob"]));
  proxy.cut();
  proxy.replies("pass");
  expect(await login).toMatchObject({ type: "rotated", version: 2, passedOnAt: endOfAda });
});
