import { describe, expect, test } from "vitest";
import { parseInvocation } from "../dist/arguments.js";
import { explain, UsageError } from "../dist/failures.js";
import { Printer } from "../dist/output/printer.js";
import { ProgressBar } from "../dist/output/progress.js";
import { describeTarget } from "../dist/redis.js";
import { parseTime } from "../dist/times.js";
import { wsession } from "./program.ts";

const parsed = (...args: readonly string[]) => parseInvocation(args, {});

describe("arguments", () => {
  test("the URL is that of --redis, of REDIS_URL, or that of this machine", () => {
    expect(parsed("doctor")).toMatchObject({ target: { urls: ["redis://127.0.0.1:6379"], prefix: "ws" } });
    const environment = { REDIS_URL: "redis://one" };
    expect(parseInvocation(["doctor"], environment)).toMatchObject({ target: { urls: ["redis://one"] } });
    expect(parseInvocation(["doctor", "--redis", "redis://two"], environment)).toMatchObject({
      target: { urls: ["redis://two"] },
    });
  });

  test("options may stand before and after the arguments, and an id may begin with hyphens", () => {
    const id = `--${"a".repeat(20)}`;
    const command = { name: "show", id, data: true };
    expect(parsed("--data", "show", id, "--json")).toMatchObject({ command, json: true });
    expect(parsed("show", "--json", id, "--data")).toMatchObject({ command, json: true });
  });

  test("a value may begin with a hyphen and have the form of an id or of a token: it is not the id of the command", () => {
    const [value, other] = [`-${"a".repeat(21)}`, `-${"b".repeat(21)}`];
    const token = `${value}.${"v".repeat(43)}`;
    expect(parsed("destroy", "--subject", value, "--yes")).toMatchObject({
      command: { id: undefined, subject: value, yes: true },
    });
    expect(parsed("destroy", "--reason", value, other)).toMatchObject({
      command: { id: other, reason: value },
    });
    expect(parsed("destroy", other, "--reason", token)).toMatchObject({
      command: { id: other, reason: token },
    });
    expect(parsed("watch", "--subject", value)).toMatchObject({ command: { subject: value } });
    expect(parsed("subject", value)).toMatchObject({ command: { subject: value } });
  });

  test.each([
    [[]],
    [["unknown"]],
    [["show"]],
    [["show", "a", "b"]],
    [["show", "a:b"]],
    [["show", "a", "--list"]],
    [["inspect", "--unknown=secret"]],
    [["destroy"]],
    [["destroy", "a", "--subject", "b"]],
    [["subject", ""]],
    [["revoke", "--field", "at"]],
    [["revoke", "--before", "2026-01-01"]],
    [["revoke", "--before", "2026-01-01", "--field", "at", "--absolute", "1d"]],
    [["revoke", "--before", "yesterday", "--field", "at"]],
    [["revoke", "--before", "2026-01-01T10:00", "--field", "at"]],
    [["revoke", "--before", new Date(Date.now() + 3_600_000).toISOString(), "--field", "at"]],
    [["revoke", "--before", String(Date.now() + 3_600_000), "--absolute", "1d", "--yes"]],
    [["watch", "--every", "0"]],
    [["watch", "--every", "25d"]],
    [["doctor", "--timeout", "25d"]],
    [["doctor", "--timeout", "soon"]],
    [["inspect", "--timeout", "5"]],
    [["watch", "--every", "2"]],
    [["revoke", "--before", "2026-01-01", "--absolute", "30"]],
    [["doctor", "--prefix", "a b"]],
    [["doctor", "--cluster", "--sentinel", "a"]],
    [["doctor", "--sentinel", ""]],
    [["doctor", "--redis", "redis://a", "--redis", "redis://b"]],
    [["help", "unknown"]],
    [["help", "toString"]],
    [["__proto__", "--help"]],
    [["destroy", "--subject", "a", "--subject", "b", "--yes"]],
    [["revoke", "--before", "2026-01-01", "--before=2020-01-01", "--field", "at"]],
    [["inspect", "--prefix", "a", "--prefix", "a"]],
  ])("%j is wrong usage, and the command exits with 2", async (args) => {
    expect(() => parsed(...args)).toThrow(UsageError);
    const { code, stdout, stderr } = await wsession(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^wsession: .+\. See wsession --help\n$/);
    expect(stderr).not.toContain("secret");
  });

  test.each([
    ["--redis", "redis://12:34#secret@127.0.0.1:1"],
    ["--redis", "redis://12:34?secret@127.0.0.1:1"],
    ["--redis", "redis://12:34/secret@127.0.0.1:1"],
    ["--redis", "redis://:secret#@127.0.0.1:1"],
    ["--cluster", "--redis", "redis://127.0.0.1:1/3"],
    ["--cluster", "--redis", "rediss://:secret@a", "--redis", "redis://b"],
    ["--cluster", "--redis", "redis://:secret@a", "--redis", "redis://:secret2@b"],
    ["--sentinel", "m", "--redis", "redis://a", "--redis", "redis://:secret@b"],
    ["--sentinel", "m", "--redis", "redis://a/1", "--redis", "redis://b/2"],
  ])("the URLs in %j are wrong usage, which prints no part of a password", async (...args) => {
    const { code, stdout, stderr } = await wsession(["doctor", "--timeout", "100ms", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^wsession: .+\. See wsession --help\n$/);
    expect(stderr).not.toMatch(/secret|12|34/);
  });

  test("several URLs may repeat the user, the password and the database of the first one, or leave them out", () => {
    const target = (...urls: readonly string[]) => ({
      urls,
      sentinel: "main",
      isCluster: false,
      prefix: "ws",
      keyPrefix: "",
      timeoutMs: 1_000,
    });
    const first = "redis://u:secret@one/2";
    expect(describeTarget(target(first, first, "redis://two"))).toBe(
      "main by the Sentinels one:26379, one:26379, two:26379, prefix ws",
    );
  });

  test.each(["-1", "1e3", "0x1", "one", " 1"])(
    "the database %j in a URL of Redis is wrong usage, which exits with 2",
    async (database) => {
      const { code, stdout, stderr } = await wsession([
        "doctor",
        "--redis",
        `redis://127.0.0.1:1/${database}`,
      ]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("a URL of Redis is redis://");
    },
  );

  test("a time needs a zone, because the operator's machine may have another zone than the server", () => {
    expect(parseTime("2026-11-27T08:00:00Z")).toBe(Date.UTC(2026, 10, 27, 8));
    expect(parseTime("2026-11-27T08:00:00+02:00")).toBe(Date.UTC(2026, 10, 27, 6));
    expect(parseTime("2026-11-27")).toBe(Date.UTC(2026, 10, 27));
    expect(parseTime("1764230400000")).toBe(1_764_230_400_000);
    expect(Math.abs(parseTime("2h ago") - (Date.now() - 7_200_000))).toBeLessThan(10_000);
  });

  test("a duration below a second needs its unit, because 5 without a unit would be 5 ms", async () => {
    const timeoutOf = (text: string) => {
      const invocation = parsed("inspect", "--timeout", text);
      return invocation.type === "run" ? invocation.target.timeoutMs : undefined;
    };
    expect(["5s", "500ms", "1min", "1000", "2000"].map(timeoutOf)).toEqual([
      5_000, 500, 60_000, 1_000, 2_000,
    ]);
    const { stderr } = await wsession(["inspect", "--timeout", "5"]);
    expect(stderr).toContain("--timeout needs a unit: 5s, or 5ms");
    expect((await wsession(["--help"])).stdout).toContain("500ms, 2s, 5min, 12h or 30d");
  });

  test("an address is shown without user and password", () => {
    const invocation = parsed("doctor", "--cluster", "--redis", "rediss://user:word@[::1]:7000/1");
    expect(invocation.type === "run" && describeTarget(invocation.target)).toBe(
      "the Cluster at [::1]:7000, prefix ws",
    );
  });

  test("--help and --version print to stdout", async () => {
    expect(await wsession(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await wsession(["revoke", "--help"])).stdout).toContain("--absolute <duration>");
  });
});

describe("the progress bar", () => {
  const drawn = (isTTY: boolean, now: number) => {
    let text = "";
    const bar = new ProgressBar({ isTTY, write: (part: string) => (text += part) }, () => now);
    now += 1_000;
    bar.update(0.5, "3 sessions");
    bar.update(0.6, "4 sessions");
    const shown = text;
    bar.end();
    return { shown, left: text.slice(shown.length) };
  };

  test("is drawn on a terminal at a limited rate, and removed at the end", () => {
    expect(drawn(true, 0)).toEqual({
      shown: `\r\u{1b}[K[${"#".repeat(15)}${"-".repeat(15)}] 50 % 3 sessions`,
      left: "\r\u{1b}[K",
    });
  });

  test("is not drawn if the stream is not a terminal", () => {
    expect(drawn(false, 0)).toEqual({ shown: "", left: "" });
  });
});

describe("colours", () => {
  const printed = (isTTY: boolean, hasColours: boolean, environment: NodeJS.ProcessEnv = {}) => {
    let text = "";
    const out = { isTTY, hasColors: () => hasColours, write: (part: string) => (text += part) };
    const printer = new Printer(false, out, out, environment);
    printer.line(printer.style("red", "gone\u{1b}[2J"), " \u{9b}");
    return text;
  };

  test("are used on a terminal that supports them, unless NO_COLOR is set; text is safe either way", () => {
    expect(printed(true, true)).toBe("\u{1b}[31mgone\\u{1b}[2J\u{1b}[39m \\u{9b}\n");
    const plain = "gone\\u{1b}[2J \\u{9b}\n";
    expect(printed(true, true, { NO_COLOR: "1" })).toBe(plain);
    expect(printed(true, false)).toBe(plain);
    expect(printed(false, true)).toBe(plain);
  });
});

describe("the message about an error", () => {
  test("ends, although the error is its own cause, or is among the causes of its cause", () => {
    const own = new Error("own");
    own.cause = own;
    const first = new Error("first", { cause: new Error("second") });
    (first.cause as Error).cause = first;
    expect(explain(own)).toBe("own");
    expect(explain(first)).toBe("first: second");
    expect(explain(new Error("away: refused", { cause: new Error("refused") }))).toBe("away: refused");
  });

  test("has no more than the first causes of a long chain", () => {
    let error = new Error("the last");
    for (let depth = 0; depth < 1_000; depth += 1) error = new Error(`cause ${depth}`, { cause: error });
    expect(explain(error).split(": ")).toHaveLength(8);
  });

  test("shows a value that is no error, and one that can't be shown", () => {
    expect(explain("text")).toBe("text");
    expect(explain(undefined)).toBe("undefined");
    expect(explain(Object.create(null))).toBe("an error that can't be shown");
  });
});
