import type { StandardSchemaV1 } from "@wsession/protocol";

/** A Standard Schema written by hand: what `read` returns is the output, and what it throws the issue. */
export function schemaOf<Input, Output>(read: (value: unknown) => Output): StandardSchemaV1<Input, Output> {
  return {
    "~standard": {
      version: 1,
      vendor: "tests",
      validate(value) {
        try {
          return { value: read(value) };
        } catch (error) {
          return { issues: [{ message: String(error), path: ["n"] }] };
        }
      },
    },
  };
}

/** Text of digits that becomes a number. */
export const digits: StandardSchemaV1<string, number> = schemaOf((value) => {
  if (typeof value !== "string" || !/^\d+$/.test(value)) throw new Error(`not digits: ${String(value)}`);
  return Number(value);
});

/** As `inner`, with answers that a test releases, in any order. */
export function heldSchema<Input, Output>(inner: StandardSchemaV1<Input, Output>) {
  const held: (() => void)[] = [];
  const schema: StandardSchemaV1<Input, Output> = {
    "~standard": {
      ...inner["~standard"],
      async validate(value) {
        const answer = inner["~standard"].validate(value);
        await new Promise<void>((resolve) => held.push(resolve));
        return answer;
      },
    },
  };
  return {
    schema,
    /** Lets go of the oldest answer that is held. */
    letGo: () => held.shift()?.(),
    get held() {
      return held.length;
    },
  };
}

/** Waits until all pending promise reactions have run. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
