import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { install, run } from "./commands.ts";
import { compilerVersions } from "./compiler-versions.mjs";
import { compilers } from "./compilers.ts";
import { build, createIn, runTest } from "./created.ts";
import { showHovers } from "./hovers.ts";
import { rightWords } from "./mistakes.ts";
import { compileAll } from "./programs.ts";
import type { Diagnostics } from "./programs.ts";
import { startExample, withAnyPort } from "./readme-example.ts";
import { resolutions, tableOf } from "./resolutions.ts";
import { developedWith, manifestOf, packageFolders, peersOf, repository, Workshop } from "./tarballs.ts";
import type { PackageFolder } from "./tarballs.ts";

// Long timeouts: an installation may download packages, and compilers share the machine with the other tests.
const installMs = 180_000;
const compileMs = 60_000 * compilers.length;

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
}, installMs);

afterAll(async () => {
  await workshop?.[Symbol.asyncDispose]();
});

describe.each(packageFolders)("the tarball of %s", (folder) => {
  test("contains the files that its manifest names, their sources, and no tests", async () => {
    const { exports, main, types, typesVersions = {} } = await manifestOf(folder);
    const { paths } = workshop.tarball(folder);
    const named = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    const ofOldResolution = Object.values(typesVersions).flatMap((files) => Object.values(files).flat());
    for (const target of [...named, ...ofOldResolution, main, types]) {
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
  let diagnostics: Diagnostics;

  beforeAll(async () => {
    const tools = await developedWith(["@types/ws", "@types/node", "zod", "valibot", "arktype", "vitest"]);
    const typescripts = compilers.map((name) => [name, `npm:typescript@${compilerVersions[name]}`] as const);
    project = await workshop.project("a-user", {
      packages: packageFolders,
      others: {
        ...(await peersOf("adapter-ws", ["ws"])),
        ...(await peersOf("store-redis", ["ioredis"])),
        ...(await peersOf("opentelemetry", ["@opentelemetry/api"])),
        ...tools,
        ...Object.fromEntries(typescripts),
      },
    });
    await install(project);
    diagnostics = await compileAll(project);
  }, installMs + compileMs);

  const found = (compiler: string, program: string) => diagnostics.get(compiler)?.get(program);

  test("install", async () => {
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual([...packageFolders].toSorted());
    expect(existsSync(join(project, "node_modules", "uWebSockets.js"))).toBe(false);
  });

  test("each package loads, as an ES module and by require()", async () => {
    const folders = packageFolders.filter((folder) => folder !== "conformance");
    const names = [...folders, "core/runtime", "protocol/messages", "store-redis/inspection"].map(
      (name) => `@wsession/${name}`,
    );
    const keys = (load: string) => `${JSON.stringify(names)}.map(async (name) => Object.keys(${load}(name)))`;
    const script = (loads: string) =>
      `Promise.all(${loads}).then((lists) => console.log(JSON.stringify(lists)));`;
    const imported = `Promise.all(${JSON.stringify(names)}.map((name) => import(name)))
      .then((modules) => console.log(JSON.stringify(modules.map((one) => Object.keys(one)))));`;
    await writeFile(join(project, "imports.mjs"), imported);
    await writeFile(join(project, "requires.cjs"), script(keys("require")));
    const [byImport = "", byRequire = ""] = await Promise.all(
      ["imports.mjs", "requires.cjs"].map((file) => run(project, process.execPath, [file])),
    );
    expect(JSON.parse(byImport)).toHaveLength(names.length);
    expect(JSON.parse(byImport)).not.toContainEqual([]);
    expect(JSON.parse(byRequire)).toEqual(JSON.parse(byImport));
  });

  test("the README's first example runs", async () => {
    const javascript = await readFile(join(project, "compiled", "example.js"), "utf8");
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

  // npm run test:create installs and runs all 8 of them.
  test("an application of create-wsession passes its own test, with Redis and a login too, and a mistake in it does not", async () => {
    const redis = await startRedis();
    try {
      const tsc = join(project, "node_modules", "ts7", "bin", "tsc");
      const environment = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
      const plain = await createIn(project, "created", ["--yes"]);
      const login = await createIn(project, "created-login", ["--store", "redis", "--login"]);
      await Promise.all([build(plain, tsc), build(login, tsc)]);
      const results = [await runTest(plain, environment), await runTest(login, environment)];
      expect(results.filter(({ code }) => code !== 0)).toEqual([]);

      const handlers = join(plain, "dist", "src", "handlers.js");
      await writeFile(handlers, (await readFile(handlers, "utf8")).replace('"click"', '"clack"'));
      expect(await runTest(plain, environment)).toMatchObject({ code: 1 });
    } finally {
      await redis.stop();
    }
  });

  describe.each(compilers)("under %s", (compiler) => {
    test("the README's first example type-checks, and a mistake in it does not", () => {
      expect(found(compiler, "example")).toEqual([]);
      expect(found(compiler, "mistake")).toEqual([expect.objectContaining({ code: "TS2551" })]);
    });

    test("the context, the transport and the socket are inferred, and misuse is refused", () => {
      expect(found(compiler, "context")).toEqual([]);
    });

    test("typed messages infer what they promise, and misuse is refused", () => {
      expect(found(compiler, "messages")).toEqual([]);
    });

    test("the message about a context that is used above admit says what to write", () => {
      const message = "Property 'user' does not exist on type 'WriteAdmitAboveInitial'";
      expect(found(compiler, "below")).toEqual([
        expect.objectContaining({ message: expect.stringContaining(message) }),
      ]);
    });

    test("the message about each of 20 mistakes names the right word", () => {
      const messages = found(compiler, "mistakes")?.map(({ message }) => message) ?? [];
      expect(messages).toHaveLength(rightWords.length);
      for (const [index, word] of rightWords.entries())
        expect(messages[index]).toMatch(new RegExp(`['"]${word}['"]`));
    });
  });

  // The language server of TypeScript 7, which shows the least: no documentation for members of Omit, Pick and Partial.
  describe("an editor", () => {
    let hovers: Awaited<ReturnType<typeof showHovers>>;

    beforeAll(async () => {
      hovers = await showHovers(project);
    }, installMs);

    const documentation = (label: string) => hovers.get(label)?.documentation;
    const type = (label: string) => hovers.get(label)?.type.replaceAll(/\s+/g, " ");

    test("shows the documentation of each option at its name, and none for an option without", () => {
      const isPayload = (label: string) => /^(?:handler|sender|refusal|page)\./.test(label);
      const silent = [...hovers].filter(([label, hover]) => !isPayload(label) && hover.documentation === "");
      expect(silent.map(([label]) => label)).toEqual(["planted.silent"]);
      expect(documentation("createSessions.idleMs")).toMatch(/^Milliseconds from the last message or touch/);
      expect(documentation("createSessions without initial.admit")).toMatch(/^Decides on a handshake before/);
      expect(documentation("accept.subject")).toMatch(/^The owner of the session\./);
      expect(documentation("accept with a context.context")).toMatch(/^The application's own record/);
      expect(documentation("httpSessions.cookie")).toMatch(/^The carrier from `?cookieToken/);
      expect(documentation("redisStore.client")).toMatch(/^The application's client of ioredis/);
      expect(documentation("connect.storage")).toMatch(/^Stores the position and the unsettled/);
    });

    test("shows the type of a payload, and no type of a validator", () => {
      expect(type("handler.payload")).toBe("(parameter) payload: { amount: number; }");
      expect(type("sender.sold")).toContain("{ price: number; }");
      expect(type("refusal.outbid")).toContain("{ highest: number; }");
      expect(type("page.bid")).toContain("{ amount: string; }");
      expect(type("page.payload")).toBe("(parameter) payload: { price: string; }");
      expect([...hovers].filter(([, { type: shown }]) => /zod|\$strip/i.test(shown))).toEqual([]);
    });
  });

  test("docs/compatibility.md says which ways to look up modules work, and with which error the others fail", async () => {
    const table = tableOf(await readFile(join(repository, "docs", "compatibility.md"), "utf8"));
    const rows = Object.keys(resolutions).map((row) => {
      const codes = compilers.map((compiler) => [
        ...new Set(found(compiler, row)?.map(({ code }) => code) ?? ["not checked"]),
      ]);
      return [row, codes.map((list) => (list.length === 0 ? "yes" : list.join()))];
    });
    expect([...table]).toEqual(rows);
  });

  test("conformance works in a project that has only core and vitest beside it", async () => {
    const alone = await workshop.project("alone", {});
    // It reaches nothing else of what was installed.
    await mkdir(join(alone, "node_modules", "@wsession"), { recursive: true });
    for (const folder of ["conformance", "core", "protocol"])
      await rename(
        join(project, "node_modules", "@wsession", folder),
        join(alone, "node_modules", "@wsession", folder),
      );
    const { dependencies = {} } = await manifestOf("conformance");
    for (const name of [...Object.keys(dependencies), "vitest"].filter(
      (one) => !one.startsWith("@wsession/"),
    ))
      await symlink(join(project, "node_modules", name), join(alone, "node_modules", name));
    await writeFile(
      join(alone, "suites.test.js"),
      `import { testAdapter, testStore } from "@wsession/conformance";
       import { expect, test } from "vitest";
       test("the suites are there", () => {
         expect(typeof testStore).toBe("function");
         expect(typeof testAdapter).toBe("function");
       });`,
    );
    const vitest = join("node_modules", "vitest", "vitest.mjs");
    expect(await run(alone, process.execPath, [vitest, "run"])).toMatch(/1 passed/);
  });
});

describe("packages that install one by one", { timeout: installMs }, () => {
  /** What each brings along, in a project of its own, beside the peers that it needs. */
  const alone: readonly (readonly [PackageFolder, readonly PackageFolder[], readonly string[], string])[] = [
    ["protocol", [], [], "SUBPROTOCOL"],
    ["client", ["protocol"], [], "connect"],
    ["core", ["protocol"], [], "createSessions"],
    ["adapter-ws", ["core", "protocol"], ["ws"], "bindSessions"],
    ["adapter-uws", ["core", "protocol"], [], "bindSessions"],
    ["store-redis", ["core", "protocol"], ["ioredis"], "redisStore"],
    ["http", ["core", "protocol"], [], "httpSessions"],
  ];
  let users: string;

  beforeAll(async () => {
    // One installation for all, in which each project has its packages in its own folder, and can't load others.
    users = await workshop.project("users", { workspaces: ["*"] });
    for (const [folder, packages, peers] of alone) {
      const others = await peersOf(folder, peers);
      await workshop.project(folder, { parent: users, packages: [...packages, folder], others });
    }
    await workshop.project("cli", { parent: users, packages: ["protocol", "core", "store-redis", "cli"] });
    await install(users, ["--install-strategy=nested"]);
  }, installMs);

  test.each(alone)("%s installs nothing but %j, beside %j", async (folder, packages, peers, name) => {
    const project = join(users, folder);
    const found = await readdir(join(project, "node_modules"));
    expect(found.filter((one) => !one.startsWith(".")).toSorted()).toEqual(["@wsession", ...peers]);
    expect(await readdir(join(project, "node_modules", "@wsession"))).toEqual(
      [...packages, folder].toSorted(),
    );
    const script = `console.log(Object.keys(await import("@wsession/${folder}")).join())`;
    const printed = await run(project, process.execPath, ["--input-type=module", "--eval", script]);
    expect(printed.trim().split(",")).toContain(name);
  });

  test("cli brings the command wsession, and ioredis", async () => {
    const command = join(users, "cli", "node_modules", ".bin", "wsession");
    const { version } = JSON.parse(
      await readFile(join(repository, "packages", "cli", "package.json"), "utf8"),
    ) as { version: string };
    expect(await run(users, command, ["--version"])).toBe(`${version}\n`);
    // Port 1 of the loopback has no server.
    const away = ["doctor", "--redis", "redis://127.0.0.1:1", "--timeout", "100ms"];
    expect(await run(users, command, away, "any")).toContain("ECONNREFUSED");
  });
});

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
