import { describe, expect, test } from "vitest";
import { check } from "./checker.ts";
import { type HistoryEvent, operationsOf } from "./history.ts";
import type { Rules } from "./violations.ts";

type Step = Extract<HistoryEvent, { type: "invoke" }>;
type End = { readonly type: "ok" | "fail" | "unknown" | "resolved" } & Record<string, unknown>;

/** A history written by hand: each call takes one tick, and each end the next. */
class Script {
  readonly events: HistoryEvent[] = [];
  #at = 0;
  #op = 0;

  run(worker: string, call: Partial<Step> & Pick<Step, "kind">, ...ends: readonly End[]): this {
    this.#op += 1;
    const op = this.#op;
    this.events.push({ at: (this.#at += 1), worker, op, type: "invoke", session: "s", ...call });
    for (const end of ends)
      this.events.push({ at: (this.#at += 1), worker, op, code: "", ...end } as HistoryEvent);
    return this;
  }

  /** Advances the time by this many microseconds without a call. */
  wait(microseconds: number): this {
    this.#at += microseconds;
    return this;
  }

  append(worker: string, value: string, end: End, result?: number): this {
    return this.run(worker, { kind: "append", value }, { ...end, result });
  }

  read(worker: string, data: Record<string, unknown> | null, version?: number, fence?: number): this {
    return this.run(worker, { kind: "read" }, { type: "ok", data, version, fence });
  }

  rules(rules?: Rules): string[] {
    return [...new Set(check(operationsOf(this.events), rules).map(({ rule }) => rule))];
  }
}

const ok: End = { type: "ok" };
const fail: End = { type: "fail" };
const unknown: End = { type: "unknown" };

describe("the checker of histories accepts", () => {
  test("a correct history, with an unknown change that was applied and one that was not", () => {
    const script = new Script()
      .append("a", "a1", ok, 0)
      .append("b", "b1", ok, 1)
      .read("b", { list: ["a1", "b1"], counter: 0 }, 3)
      .append("a", "a2", unknown)
      .append("b", "b2", unknown)
      .append("a", "a3", fail)
      .run("a", { kind: "increment" }, { ...ok, result: 1 })
      .run("b", { kind: "increment" }, { ...ok, result: 2 })
      .run("a", { kind: "write", field: "f", value: "v1" }, ok)
      .run("a", { kind: "identify", value: "u" }, ok)
      .run("a", { kind: "index", session: "", value: "u" }, { ...ok, ids: ["s", "t"] })
      .read("b", { list: ["a1", "b1", "a2"], counter: 2, f: "v1" }, 8)
      .run("a", { kind: "destroy" }, { ...ok, was: true })
      .read("b", null);
    expect(script.rules()).toEqual([]);
  });

  test("the eviction of a whole session if the server may evict, and counts its changes", () => {
    const script = new Script()
      .append("a", "a1", ok)
      .read("a", { list: ["a1"] })
      .read("b", null)
      .read("c", null);
    expect(script.rules({ mayEvict: true })).toEqual(["evicted"]);
    script.run("a", { kind: "identify", value: "u" }, fail).append("a", "a2", fail);
    script.run("a", { kind: "index", session: "", value: "u" }, { ...ok, ids: [] });
    expect(script.rules({ mayEvict: true })).toEqual(["evicted"]);
  });

  test("a read that a demoted server may have answered, and no later one (I7)", () => {
    const script = new Script()
      .append("a", "a1", ok)
      .run("a", { kind: "increment" }, { ...ok, result: 1 })
      .run("a", { kind: "write", field: "f", value: "v1" }, ok)
      .read("b", { list: [], counter: 0 })
      .read("b", { list: ["a1"], counter: 1, f: "v1" });
    expect(script.rules()).toEqual(expect.arrayContaining(["stale", "revived"]));
    expect(script.rules({ staleMs: 1 })).toEqual([]);
  });

  test("two operations of one worker that overlap and end in the other order", () => {
    const script = new Script();
    const at = (time: number, op: number, rest: Record<string, unknown>): void => {
      script.events.push({ at: time, worker: "a", op, session: "s", ...rest } as unknown as HistoryEvent);
    };
    at(1, 1, { type: "invoke", kind: "read" });
    at(2, 2, { type: "invoke", kind: "read" });
    at(3, 2, { type: "ok", data: {}, version: 5 });
    at(4, 1, { type: "ok", data: {}, version: 4 });
    expect(script.rules()).toEqual([]);
  });
});

describe("the checker of histories rejects", () => {
  test("a lost update: acknowledged, and missing at the end (I8)", () => {
    expect(
      new Script()
        .append("a", "a1", ok)
        .append("b", "b1", ok)
        .read("c", { list: ["b1"] })
        .rules(),
    ).toContain("lost");
  });

  test("a lost change that reappears with another one, even if changes may be lost (I8, I10)", () => {
    const script = new Script()
      .append("a", "a1", ok)
      .read("b", { list: [] })
      .append("b", "b1", ok)
      .read("c", { list: ["a1", "b1"] });
    expect(script.rules({ mayLose: true })).toEqual(["revived"]);
    const lost = new Script().append("a", "a1", ok).read("b", { list: [] }).read("c", { list: [] });
    expect(lost.rules({ mayLose: true })).toEqual(["lost"]);
  });

  test("a session that is gone although no process destroyed it (I7)", () => {
    expect(new Script().append("a", "a1", ok).read("c", null).rules()).toEqual(["lost"]);
  });

  test("a lost increment: two updates wrote the same value of the counter (I8)", () => {
    const increment = { kind: "increment" } as const;
    const script = new Script()
      .run("a", increment, { ...ok, result: 1 })
      .run("b", increment, { ...ok, result: 1 });
    expect(script.rules()).toContain("collided");
    expect(script.read("c", { counter: 1 }).rules()).toContain("lost");
  });

  test("a lost change of unknown outcome, after the store reported it as applied (I11)", () => {
    const script = new Script().run("a", { kind: "append", value: "a1" }, unknown, {
      type: "resolved",
      outcome: "applied",
    });
    expect(script.read("c", { list: [] }).rules()).toContain("lost");
  });

  test("a lost write of a field: an older value reappears (I8)", () => {
    const script = new Script()
      .run("a", { kind: "write", field: "f", value: "v1" }, ok)
      .run("a", { kind: "write", field: "f", value: "v2" }, ok);
    expect(script.read("c", { f: "v1" }).rules()).toContain("lost");
  });

  test("a session that was gone and is read or written again, whatever may be lost (I9)", () => {
    const read = new Script()
      .append("a", "a1", ok)
      .read("b", null)
      .read("c", { list: ["a1"] });
    const written = new Script().append("a", "a1", ok).read("b", null).append("a", "a2", ok).read("c", null);
    for (const script of [read, written])
      for (const rules of [{}, { mayLose: true }, { mayEvict: true }])
        expect(script.rules(rules)).toContain("revived");
  });

  test("a missing change in a session that was not evicted, although others were (I8)", () => {
    const script = new Script()
      .append("a", "a1", ok)
      .append("a", "a2", ok)
      .read("c", { list: ["a1"] });
    expect(script.rules({ mayEvict: true })).toEqual(["lost"]);
    const early = new Script().append("a", "a1", ok).read("c", { list: [] }).read("c", null);
    expect(early.rules({ mayEvict: true })).toEqual(["lost", "evicted"]);
  });

  test("a duplicate, a resurrection and a falling version even if sessions may be evicted", () => {
    const twice = new Script().append("a", "a1", ok).read("c", { list: ["a1", "a1"] });
    expect(twice.rules({ mayEvict: true })).toContain("duplicate");
    const back = new Script().run("b", { kind: "destroy" }, { ...ok, was: true }).read("c", { list: [] });
    expect(back.rules({ mayEvict: true })).toContain("resurrected");
    expect(new Script().read("a", {}, 5).read("a", {}, 4).rules({ mayEvict: true })).toEqual(["backwards"]);
  });

  test("a read that is older than a demoted server explains, and a final read that is old at all (I7)", () => {
    const late = new Script()
      .append("a", "a1", ok)
      .wait(2_000)
      .read("b", { list: [] })
      .read("b", { list: ["a1"] });
    expect(late.rules({ staleMs: 1 })).toEqual(expect.arrayContaining(["stale", "revived"]));
    const last = new Script().append("a", "a1", ok).read("b", { list: [] });
    expect(last.rules({ staleMs: 1_000 })).toEqual(["lost"]);
  });

  test("a destroyed session that is read for longer than a demoted server explains, or written (I9)", () => {
    const destroyed = (): Script => new Script().run("b", { kind: "destroy" }, { ...ok, was: true });
    expect(destroyed().read("c", { list: [] }).rules({ staleMs: 1 })).toEqual([]);
    expect(destroyed().wait(2_000).read("c", { list: [] }).rules({ staleMs: 1 })).toEqual(["resurrected"]);
    expect(destroyed().append("a", "a1", ok).rules({ staleMs: 1 })).toEqual(["resurrected"]);
  });

  test("a duplicate: one append is twice in the list (I10)", () => {
    expect(
      new Script()
        .append("a", "a1", ok)
        .read("c", { list: ["a1", "a1"] })
        .rules(),
    ).toContain("duplicate");
  });

  test("a duplicate: the counter is higher than the number of increments (I10)", () => {
    const script = new Script()
      .run("a", { kind: "increment" }, { ...ok, result: 1 })
      .read("c", { counter: 2 });
    expect(script.rules()).toContain("duplicate");
  });

  test("a duplicate even where changes may be lost", () => {
    expect(
      new Script()
        .append("a", "a1", ok)
        .read("c", { list: ["a1", "a1"] })
        .rules({ mayLose: true }),
    ).toEqual(["duplicate"]);
  });

  test("a refused change that is applied (I11)", () => {
    expect(
      new Script()
        .append("a", "a1", fail)
        .read("c", { list: ["a1"] })
        .rules(),
    ).toContain("phantom");
    const settled = new Script().run("a", { kind: "append", value: "a1" }, unknown, {
      type: "resolved",
      outcome: "not-applied",
    });
    expect(settled.read("c", { list: ["a1"] }).rules()).toContain("phantom");
  });

  test("a read that lacks a change that was acknowledged before, although a later read has it (I7)", () => {
    const script = new Script()
      .append("a", "a1", ok)
      .read("b", { list: [] })
      .read("b", { list: ["a1"] });
    expect(script.rules()).toContain("stale");
  });

  test("a resurrection: a session is read after its acknowledged destroy (I9)", () => {
    const script = new Script().append("a", "a1", ok).run("b", { kind: "destroy" }, { ...ok, was: true });
    expect(script.read("c", { list: ["a1"] }).rules()).toContain("resurrected");
  });

  test("a session that two callers destroyed: a resurrection if a destroy may be lost, otherwise a duplicate (I9)", () => {
    const destroy = { kind: "destroy" } as const;
    const script = new Script()
      .run("a", destroy, { ...ok, was: true })
      .run("b", destroy, { ...ok, was: true });
    expect(script.rules()).toEqual(["duplicate"]);
    expect(script.rules({ mayLose: true })).toEqual(["resurrected"]);
  });

  test("a resurrection: a session is written after its acknowledged destroy (I9)", () => {
    const script = new Script().run("b", { kind: "destroy" }, { ...ok, was: true }).append("a", "a1", ok);
    expect(script.rules()).toContain("resurrected");
  });

  test("a version or a fence that falls for one observer (I8, I13)", () => {
    expect(new Script().read("a", {}, 5).read("a", {}, 4).rules()).toEqual(["backwards"]);
    expect(new Script().read("a", {}, 5, 2).read("a", {}, 5, 1).rules()).toEqual(["backwards"]);
    expect(new Script().read("a", {}, 5).read("b", {}, 4).rules()).toEqual([]);
  });

  test("a live session that its subject's index does not list", () => {
    const script = new Script().run("a", { kind: "identify", value: "u" }, ok);
    expect(script.run("b", { kind: "index", session: "", value: "u" }, { ...ok, ids: [] }).rules()).toEqual([
      "unlisted",
    ]);
  });

  test("a list whose order changes after a read (I8)", () => {
    const script = new Script().append("a", "a1", ok).append("b", "b1", ok);
    expect(
      script
        .read("a", { list: ["a1", "b1"] })
        .read("a", { list: ["b1", "a1"] })
        .rules(),
    ).toEqual(["rewritten"]);
  });
});
