import { once } from "node:events";
import { expect, test } from "vitest";

test("lets a warning be printed", async () => {
  const warned = once(process, "warning");
  process.emitWarning("an expected error", "WsessionWarning");
  expect(await warned).toHaveLength(1);
});
