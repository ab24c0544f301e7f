// @ts-check
// An application in a process of its own. Its first message says how to open it; each later one is a call.
import { closeSync, openSync } from "node:fs";
import { openApplication } from "./application.mjs";
import { Load } from "./load.mjs";

/** @type {import("./application.mjs").Application | undefined} */
let application;
/** @type {Load | undefined} */
let load;
/** @type {Promise<void> | undefined} */
let running;
let file = -1;

/** @type {Record<string, (argument: any) => unknown>} */
const calls = {
  async open(options) {
    application = await openApplication(options);
    return application.url;
  },
  async startLoad({ path, ...options }) {
    if (application === undefined) throw new Error("not open");
    file = openSync(path, "a");
    load = new Load(application, options, file);
    for (const target of options.targets) if (target.hold) await connectSoon(application, target);
    running = load.run();
  },
  counts: () => load?.counts,
  async finishLoad() {
    load?.stop();
    await running;
    await load?.resolve();
    closeSync(file);
    return { ...load?.counts, ...application?.diagnostics() };
  },
};

/**
 * On a busy machine the first answers may be late, so the client tries again.
 *
 * @param {import("./application.mjs").Application} here
 * @param {import("./application.mjs").Created} created
 */
async function connectSoon(here, created) {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      return await here.connect(created);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** @param {{ call: number, method: string, argument: unknown }} message */
async function answer({ call, method, argument }) {
  try {
    const own = calls[method] ?? /** @type {any} */ (application)?.[method];
    process.send?.({ call, result: (await own(argument)) ?? null });
  } catch (error) {
    const { message, code, outcome } = /** @type {any} */ (error);
    process.send?.({ call, error: { message, code, outcome } });
  }
}

process.on("message", (/** @type {any} */ message) => void answer(message));
process.on("disconnect", () => process.exit());
