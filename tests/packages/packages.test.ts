import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { install, run } from "./commands.ts";
import { checkContext, compile, compilerVersions, typeCheck } from "./compilers.ts";
import { readmeExample, startExample, withAnyPort } from "./readme-example.ts";
import { manifestOf, packageFolders, repository, Workshop } from "./tarballs.ts";

// A long timeout: an installation may download packages, and compilers share the machine with the other tests.
const installMs = 180_000;

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
}, installMs);

afterAll(async () => {
  await workshop?.[Symbol.asyncDispose]();
});

describe.each(packageFolders)("the tarball of %s", (folder) => {
  test("holds what its exports name, their sources and nothing of the tests", async () => {
    const { exports } = await manifestOf(folder);
    const { paths } = workshop.tarball(folder);
    const named = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    for (const target of named) {
      const [start, end] = target.replace("./", "").split("*");
      const isNamed = (path: string) => (end === undefined ? path === start : path.startsWith(start ?? ""));
      expect(paths.filter(isNamed)).not.toEqual([]);
    }
    expect(paths).toContain("src/index.ts");
    expect(paths.filter((path) => /test|scratch/.test(path))).toEqual([]);
  });
});

describe("all packages in an empty project, without uWebSockets.js", { timeout: installMs }, () => {
  let project: string;

  beforeAll(async () => {
    project = await workshop.project();
    await install(project, [
      ...packageFolders.map((folder) => workshop.tarball(folder).file),
      ...(await peersOf("adapter-ws", ["ws"])),
      ...(await peersOf("store-redis", ["ioredis"])),
    ]);
    // After the first installation, which shows the result for a project that does not install these packages.
    const versions = await developedWith(["@types/ws", "@types/node", "zod", "valibot", "arktype", "vitest"]);
    const compilers = Object.entries(compilerVersions).map(
      ([name, version]) => `${name}@npm:typescript@${version}`,
    );
    await install(project, [...compilers, "-D", ...versions]);
    await writeFile(join(project, "example.ts"), await readmeExample());
  }, installMs);

  test("install", async () => {
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual([...packageFolders].toSorted());
    expect(existsSync(join(project, "node_modules", "uWebSockets.js"))).toBe(false);
  });

  test.each(["protocol", "client", "core", "adapter-ws", "adapter-uws", "store-redis", "http"] as const)(
    "%s loads",
    async (folder) => {
      expect(await exportsOf(project, folder)).not.toEqual([]);
    },
  );

  test("the README's first example runs", async () => {
    const javascript = await compile(project, "ts59", "example.ts");
    await writeFile(join(project, "running.js"), withAnyPort(javascript));
    const example = await startExample(project, "running.js");
    try {
      const client = new WebSocket(`ws://127.0.0.1:${example.port}`);
      const messages = received(client);
      await once(client, "open");
      client.send("hello");
      client.send("again");
      expect(await messages.next()).toBe("visit 1: hello");
      expect(await messages.next()).toBe("visit 2: again");
      client.close();
      await once(client, "close");
    } finally {
      await example.stop();
    }
  });

  test.each(["ts54", "ts6"] as const)(
    "under %s the context, the transport and the socket are inferred, and misuse is refused",
    async (compiler) => {
      await expect(checkContext(project, compiler)).resolves.toBeUndefined();
    },
  );

  test("the message about a context that is used above admit says what to write", async () => {
    const mistake = `import { accept, createSessions } from "@wsession/core";
      createSessions({
        initial: (_handshake, context) => ({ name: context.user }),
        admit: ({ url }) => accept({ context: { user: url } }),
      });`;
    await writeFile(join(project, "below.ts"), mistake);
    await expect(typeCheck(project, "ts7", "below.ts", ["--skipLibCheck"])).rejects.toThrow(
      "Property 'user' does not exist on type 'WriteAdmitAboveInitial'",
    );
  });

  describe.each(["ts59", "ts7"] as const)("under %s, module nodenext", (compiler) => {
    test("the README's first example type-checks", async () => {
      await expect(typeCheck(project, compiler, "example.ts")).resolves.toBeUndefined();
    });

    test("a mistake in it does not", async () => {
      const example = await readFile(join(project, "example.ts"), "utf8");
      const mistake = example.replace(/\.visits\b/, ".vists");
      expect(mistake).not.toBe(example);
      await writeFile(join(project, "mistake.ts"), mistake);
      await expect(typeCheck(project, compiler, "mistake.ts")).rejects.toThrow(/error TS/);
    });

    test("typed messages infer what they promise, and misuse is refused", async () => {
      for (const file of ["definition.ts", "messages.test-d.ts"])
        await copyFile(join(repository, "tests", "messages", file), join(project, file));
      // The declarations of the validators and of vitest are theirs.
      const more = ["--skipLibCheck", "--allowImportingTsExtensions"];
      await expect(typeCheck(project, compiler, "messages.test-d.ts", more)).resolves.toBeUndefined();
    });

    test("the context, the transport and the socket are inferred, and misuse is refused", async () => {
      await expect(checkContext(project, compiler)).resolves.toBeUndefined();
    });

    test("every package's declarations resolve", async () => {
      const lines = [
        "@wsession/protocol",
        "@wsession/client",
        "@wsession/core",
        "@wsession/core/runtime",
        "@wsession/protocol/messages",
        "@wsession/adapter-ws",
        "@wsession/store-redis",
        "@wsession/http",
      ].map(
        (name, index) =>
          `import * as m${index} from "${name}";\nexport const n${index}: object = m${index};\n`,
      );
      await writeFile(join(project, "all.ts"), lines.join(""));
      await expect(typeCheck(project, compiler, "all.ts")).resolves.toBeUndefined();
    });
  });
});

describe("packages that install one by one", () => {
  test("protocol brings nothing with it", { timeout: installMs }, async () => {
    const project = await workshop.project();
    await install(project, [workshop.tarball("protocol").file]);
    expect(await installed(project)).toEqual(["@wsession"]);
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual(["protocol"]);
    expect(await exportsOf(project, "protocol")).toEqual(
      expect.arrayContaining(["SUBPROTOCOL", "unchecked"]),
    );
  });

  test("client brings nothing with it but the protocol", { timeout: installMs }, async () => {
    const project = await workshop.project();
    await install(project, [workshop.tarball("protocol").file, workshop.tarball("client").file]);
    expect(await installed(project)).toEqual(["@wsession"]);
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual(["client", "protocol"]);
    expect(await exportsOf(project, "client")).toContain("connect");
  });

  test("core brings nothing with it but the protocol", { timeout: installMs }, async () => {
    const project = await workshop.project();
    await install(project, coreTarballs());
    expect(await installed(project)).toEqual(["@wsession"]);
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual(["core", "protocol"]);
    expect(await exportsOf(project, "core")).toEqual(expect.arrayContaining(["createSessions", "mapStore"]));
  });

  test("adapter-ws beside core and ws", { timeout: installMs }, async () => {
    const project = await workshop.project();
    const tarballs = [...coreTarballs(), workshop.tarball("adapter-ws").file];
    await install(project, [...tarballs, ...(await peersOf("adapter-ws", ["ws"]))]);
    expect(await installed(project)).toEqual(["@wsession", "ws"]);
    expect(await exportsOf(project, "adapter-ws")).toContain("bindSessions");
  });

  test("adapter-uws beside core, with uWebSockets.js left out", { timeout: installMs }, async () => {
    const project = await workshop.project();
    await install(project, [...coreTarballs(), workshop.tarball("adapter-uws").file]);
    expect(await installed(project)).toEqual(["@wsession"]);
    expect(await exportsOf(project, "adapter-uws")).toContain("bindSessions");
  });

  test("store-redis beside core and ioredis", { timeout: installMs }, async () => {
    const project = await workshop.project();
    const tarballs = [...coreTarballs(), workshop.tarball("store-redis").file];
    await install(project, [...tarballs, ...(await peersOf("store-redis", ["ioredis"]))]);
    expect(await installed(project)).toEqual(expect.arrayContaining(["@wsession", "ioredis"]));
    expect(await exportsOf(project, "store-redis")).toContain("redisStore");
  });

  test("http beside core, without any framework", { timeout: installMs }, async () => {
    const project = await workshop.project();
    await install(project, [...coreTarballs(), workshop.tarball("http").file]);
    expect(await installed(project)).toEqual(["@wsession"]);
    expect(await exportsOf(project, "http")).toContain("httpSessions");
  });

  test("conformance beside core and vitest, where its suites run", { timeout: installMs }, async () => {
    const project = await workshop.project();
    const tarballs = [...coreTarballs(), workshop.tarball("conformance").file];
    await install(project, [...tarballs, ...(await peersOf("conformance", ["vitest"]))]);
    await writeFile(
      join(project, "suites.test.js"),
      `import { testAdapter, testStore } from "@wsession/conformance";
       import { expect, test } from "vitest";
       test("the suites are there", () => {
         expect(typeof testStore).toBe("function");
         expect(typeof testAdapter).toBe("function");
       });`,
    );
    expect(await run(project, "npx", ["vitest", "run"])).toMatch(/1 passed/);
  });
});

/** Core with its dependency: no registry has the protocol's version under test. */
function coreTarballs(): readonly string[] {
  return [workshop.tarball("core").file, workshop.tarball("protocol").file];
}

/** `name@range` for these peers of a package, as its manifest has them. */
async function peersOf(
  folder: (typeof packageFolders)[number],
  names: readonly string[],
): Promise<readonly string[]> {
  const { peerDependencies = {} } = await manifestOf(folder);
  return names.map((name) => `${name}@${peerDependencies[name] ?? "is not a peer"}`);
}

/** `name@version` for packages that this repository has installed. */
async function developedWith(names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    names.map(async (name) => {
      const manifest = await readFile(join(repository, "node_modules", name, "package.json"), "utf8");
      return `${name}@${(JSON.parse(manifest) as { version: string }).version}`;
    }),
  );
}

async function installed(project: string): Promise<readonly string[]> {
  const names = await readdir(join(project, "node_modules"));
  return names.filter((name) => !name.startsWith(".")).toSorted();
}

async function exportsOf(
  project: string,
  folder: (typeof packageFolders)[number],
): Promise<readonly string[]> {
  const script = `console.log(JSON.stringify(Object.keys(await import("@wsession/${folder}"))))`;
  const printed = await run(project, process.execPath, ["--input-type=module", "--eval", script]);
  return JSON.parse(printed) as string[];
}

/** The client's messages, one at each `next()`, whether they came before it was asked or come later. */
function received(client: WebSocket): { next(): Promise<string> } {
  const messages: string[] = [];
  client.on("message", (data: Buffer) => messages.push(data.toString()));
  return {
    async next() {
      while (messages.length === 0) await once(client, "message");
      return messages.shift()!;
    },
  };
}
