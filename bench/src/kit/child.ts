/** The code in a server process that answers the questions of its parent with numbers. */
export type Answer = Readonly<Record<string, number>>;
export type Questions = Readonly<Record<string, (argument: string) => Answer | Promise<Answer>>>;

export interface Ask {
  readonly number: number;
  readonly question: string;
  readonly argument: string;
}

export type Reply =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "answer"; readonly number: number; readonly answer: Answer }
  | { readonly type: "failure"; readonly number: number; readonly message: string };

/** Reports that the server is listening, and answers questions from then on. Exits with its parent. */
export function serve(port: number, questions: Questions = {}): void {
  const known: Questions = { cpu: cpuMicroseconds, memory: memoryBytes, ...questions };
  process.on("message", (ask: Ask) => {
    answer(known, ask).then(send, (error: unknown) => {
      send({ type: "failure", number: ask.number, message: String(error) });
    });
  });
  process.on("disconnect", () => process.exit());
  send({ type: "ready", port });
}

async function answer(known: Questions, { number, question, argument }: Ask): Promise<Reply> {
  const ask = known[question];
  if (ask === undefined) throw new Error(`this process has no answer to "${question}"`);
  return { type: "answer", number, answer: await ask(argument) };
}

function send(reply: Reply): void {
  process.send?.(reply);
}

function cpuMicroseconds(): Answer {
  const { user, system } = process.cpuUsage();
  return { user, system, total: user + system };
}

/** Collects garbage until memory use stops shrinking. Needs `--expose-gc`. */
export async function memoryBytes(): Promise<Answer> {
  if (globalThis.gc === undefined) throw new Error("start it with --expose-gc");
  let before = Infinity;
  for (let round = 0; round < 20; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed } = process.memoryUsage();
    if (round > 3 && before - heapUsed < 1024) break;
    before = heapUsed;
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers, rss };
}
