import { describe, test } from "vitest";
import { runtimeNames } from "../../../tests/runtimes.ts";
import { openStore } from "../../../tests/stores.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { frameworks, start } from "./applications.ts";
import { cases } from "./cases.ts";

const redis = useRedisServer();

describe.each(frameworks)("on %s", (framework) => {
  // oxlint-disable-next-line vitest/expect-expect -- the cases expect
  test.each(cases)("$name", ({ run }) => run((parts) => start(framework, parts)));
});

describe.each(runtimeNames)("on %s and Redis", (runtime) => {
  // oxlint-disable-next-line vitest/expect-expect -- the cases expect
  test.each(cases)("$name", ({ run }) =>
    run((parts) => start("node", { runtime, store: openStore("redis", redis.port), ...parts })),
  );
});
