// What `npm run test:matrix` runs: each row is one run of vitest on one platform, and each column the tests of some files.
import { join } from "node:path";
import { readManifest } from "../../scripts/packages.mjs";
import { root } from "../../scripts/run-tool.mjs";
import { compilerVersions } from "../packages/compiler-versions.mjs";

/**
 * @typedef {object} Suite some of the tests of a run
 * @property {string} title the head of the column
 * @property {string} files the start of the paths of their files, from the root of the repository
 * @property {string} [name] a part of their names
 */

/**
 * @typedef {object} Platform
 * @property {string} node `system`, or a name of `runtimePackages`
 * @property {"redis" | "valkey"} [servers] the servers of Debian 13; those of the system without it
 * @property {{ readonly name: string, readonly spec: string }} [replaced] a package that is replaced by another version
 * @property {Readonly<Record<string, string>>} [env] what the tests read
 */

/** @typedef {{ readonly node: string, readonly server: string, readonly replaced: string }} Versions */

/**
 * @typedef {object} Row
 * @property {string} id unique in the table. `--only` selects by it, and results.json keeps the result under it
 * @property {Platform} platform
 * @property {(platform: Versions) => string} title
 * @property {readonly string[]} args what vitest is given
 * @property {readonly Suite[]} suites those of the table's that apply
 */

/**
 * @typedef {object} Table
 * @property {string} title
 * @property {string} head the head of the first column
 * @property {readonly Suite[]} suites
 * @property {readonly Row[]} rows
 */

/** @param {Versions} versions */
const nodeAndServer = ({ node, server }) => `Node.js ${node}, ${server}`;

/** @satisfies {Readonly<Record<string, Platform>>} */
const nodes = {
  node20: { node: "system" },
  node22: { node: "node22", servers: "redis" },
  node24: { node: "node24", servers: "valkey" },
  node26: { node: "node26" },
};

/** @param {string} name */
const packageSuite = (name) => ({ title: name, files: `packages/${name}/` });
const packages = [
  ...["protocol", "core", "client", "http", "opentelemetry"],
  ...["adapter-ws", "adapter-uws", "store-redis", "cli"],
];

const ws = packageSuite("adapter-ws");
const uws = packageSuite("adapter-uws");
const command = packageSuite("cli");
const stores = { title: "store-redis", files: "tests/redis-conformance.test.ts" };

/** uWebSockets.js has no binary for Node.js 26. @param {string} node */
const hasUws = (node) => node !== "node26";

/** @type {Table} */
const wholePackages = {
  title: "Packages",
  head: "all tests of",
  suites: packages.map(packageSuite),
  rows: Object.entries(nodes).map(([id, platform]) => {
    const run = packages.filter((name) => hasUws(id) || name !== "adapter-uws");
    return {
      id,
      platform,
      title: nodeAndServer,
      args: run.flatMap((name) => ["--project", name]),
      suites: run.map(packageSuite),
    };
  }),
};

/** @type {Table} */
const conformance = {
  title: "Node.js and Redis",
  head: "conformance suites",
  suites: [ws, uws, stores],
  rows: Object.entries(nodes).map(([id, platform]) => {
    const suites = hasUws(id) ? [ws, uws, stores] : [ws, stores];
    const projects = [...suites.filter((suite) => suite !== stores).map(({ title }) => title), "tests"];
    return {
      id,
      platform,
      title: nodeAndServer,
      args: [...projects.flatMap((name) => ["--project", name]), "conformance"],
      suites,
    };
  }),
};

/** @type {Table} */
const commands = {
  title: "The command wsession",
  head: "Node.js and server",
  suites: [command],
  rows: Object.entries(nodes)
    .slice(0, 3)
    .map(([id, platform]) => ({
      id,
      platform,
      title: nodeAndServer,
      args: ["--project", "cli"],
      suites: [command],
    })),
};

/** @type {Table} */
const libraries = {
  title: "WebSocket libraries",
  head: "library",
  suites: [ws, uws],
  rows: [
    ...["8.18.0", "8"].map((version) => ({
      id: `ws ${version}`,
      platform: { node: "system", replaced: { name: "ws", spec: `ws@${version}` } },
      title: (/** @type {Versions} */ { node, replaced }) => `ws ${replaced}, Node.js ${node}`,
      args: ["--project", "adapter-ws"],
      suites: [ws],
    })),
    {
      id: "uwebsockets",
      platform: { node: "node24" },
      title: ({ node }) =>
        `uWebSockets.js ${installedVersion("uWebSockets.js")} (\`uwebsockets\`), Node.js ${node}`,
      args: ["--project", "adapter-uws"],
      suites: [uws],
    },
    {
      id: "upstream",
      platform: {
        node: "node24",
        replaced: { name: "uWebSockets.js", spec: "@btc-vision/uwebsockets.js@20.57.0" },
      },
      title: ({ node, replaced }) => `uWebSockets.js ${replaced} (upstream), Node.js ${node}`,
      args: ["--project", "adapter-uws"],
      suites: [uws],
    },
  ],
};

/** What `npm run test:drivers` runs. */
const driverFiles = {
  "suite for stores": "conformance",
  "lost replies": "lost-replies",
  "hangs, floods": "faults",
  failovers: "failover",
  rights: "acl",
  options: "clients",
};
const driverSuites = Object.entries(driverFiles).map(([title, file]) => ({
  title,
  files: `tests/drivers/${file}-run.ts`,
}));

/**
 * The name of each library in tests/drivers/libraries.ts, the folder that holds it, and the servers.
 *
 * @type {readonly (readonly [name: string, folder: string, servers?: "redis" | "valkey"])[]}
 */
const clients = [
  ["ioredis 6", "ioredis", "redis"],
  ["ioredis 5", "ioredis-5"],
  ["ioredis 5.3", "ioredis-5.3"],
  ["iovalkey", "iovalkey", "valkey"],
  ["node-redis 6", "redis", "redis"],
  ["node-redis 5", "redis-5"],
  ["node-redis 5.0", "redis-5.0"],
];

/** @type {Table} */
const drivers = {
  title: "Clients of Redis",
  head: "client, server",
  suites: driverSuites,
  rows: clients.map(([id, folder, kind]) => ({
    id,
    platform: kind === undefined ? { node: "system" } : { node: "system", servers: kind },
    title: ({ server }) => `${id.split(" ")[0]} ${installedVersion(folder)}, ${server}`,
    // The space keeps "ioredis 5" apart from "ioredis 5.3". Some names are quoted.
    args: [
      "--config",
      "tests/drivers/vitest.config.mjs",
      "--testNamePattern",
      `${id.replace(" ", " '?")}'? `,
    ],
    suites: driverSuites,
  })),
};

const typesFile = "tests/packages/packages.test.ts";
const typesSuites = Object.entries(compilerVersions).map(([id, version]) => ({
  title: version,
  files: typesFile,
  name: ` under ${id} `,
}));

/** @type {Table} */
const compilers = {
  title: "TypeScript",
  head: "TypeScript",
  suites: typesSuites,
  // One run for all compilers, which share one installation of the packages.
  rows: [
    {
      id: "all",
      platform: { node: "system", env: { WSESSION_COMPILERS: Object.keys(compilerVersions).join(" ") } },
      title: () => "types of all packages",
      args: ["--project", "tests", typesFile, "--testNamePattern", " under ts"],
      suites: typesSuites,
    },
  ],
};

/** @type {readonly Table[]} */
export const tables = [wholePackages, conformance, commands, libraries, drivers, compilers];

/**
 * The form that `.ci/run` runs, since it runs everything on the Node.js and the Redis of the system. One run of vitest, because each
 * starts with idle workers.
 *
 * @type {Row}
 */
export const short = {
  id: "short",
  platform: { node: "node24", servers: "valkey" },
  title: nodeAndServer,
  args: ["--project", "adapter-ws", "--project", "adapter-uws", "--project", "tests", "conformance"],
  suites: [{ title: "conformance of adapters and of store-redis", files: "" }],
};

/** @param {string} folder */
function installedVersion(folder) {
  return readManifest(join(root, "node_modules", folder)).version;
}
