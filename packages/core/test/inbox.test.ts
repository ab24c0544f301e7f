import * as fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Inbox } from "../src/connection/inbox.ts";

describe("I2 an inbox", () => {
  test("returns its messages in order, however additions and removals alternate", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 20, size: "max" }), (turns) => {
        const inbox = new Inbox();
        const taken: unknown[] = [];
        let put = 0;
        for (const [index, count] of turns.entries()) {
          for (let times = 0; times < count; times += 1) {
            if (index % 3 !== 2) inbox.push(`${put++}`);
            else if (inbox.size > 0) taken.push(inbox.shift());
          }
        }
        expect(inbox.size).toBe(put - taken.length);
        while (inbox.size > 0) taken.push(inbox.shift());
        expect(inbox.shift()).toBeUndefined();
        expect(taken.length).toBe(put);
        expect(taken.every((message, index) => message === `${index}`)).toBe(true);
      }),
    );
  });

  test("keeps empty messages as messages", () => {
    const inbox = new Inbox();
    inbox.push("");
    inbox.push(new Uint8Array(0));
    expect(inbox.size).toBe(2);
    expect(inbox.shift()).toBe("");
    expect(inbox.shift()).toEqual(new Uint8Array(0));
    expect(inbox.size).toBe(0);
  });
});

describe("I3 an inbox's limits", () => {
  test("are exceeded by the first message or byte over them, and do not count removed messages", () => {
    const inbox = new Inbox();
    const limits = { maxMessages: 3, maxBytes: 10 };
    for (const message of ["aaa", "bbb", "ccc"]) inbox.push(message);
    expect(inbox.exceeds(limits)).toBe(false);
    inbox.push("");
    expect(inbox.exceeds(limits)).toBe(true);
    inbox.shift();
    expect(inbox.exceeds(limits)).toBe(false);
    inbox.shift();
    inbox.push(new Uint8Array(8));
    expect(inbox.exceeds(limits)).toBe(true);
  });

  test("ask for backpressure above half of them", () => {
    const inbox = new Inbox();
    const limits = { maxMessages: 4, maxBytes: 100 };
    inbox.push("x".repeat(50));
    expect(inbox.isHigh(limits)).toBe(false);
    inbox.push("x");
    expect(inbox.isHigh(limits)).toBe(true);
    inbox.shift();
    expect(inbox.isHigh(limits)).toBe(false);
  });

  test("clear returns the number of messages, and frees their bytes", () => {
    const inbox = new Inbox();
    for (let index = 0; index < 5; index += 1) inbox.push("x".repeat(100));
    expect(inbox.clear()).toBe(5);
    expect(inbox.clear()).toBe(0);
    expect(inbox.isHigh({ maxMessages: 1, maxBytes: 1 })).toBe(false);
  });

  test("need no exact count of bytes while the inbox is far below them, however many messages have passed", () => {
    const counted = vi.spyOn(Buffer, "byteLength");
    onTestFinished(() => counted.mockRestore());
    const inbox = new Inbox();
    const limits = { maxMessages: 100, maxBytes: 1_000 };
    inbox.push("x".repeat(100));
    // It is never empty.
    for (let turn = 0; turn < 1_000; turn += 1) {
      inbox.push("x".repeat(50));
      inbox.shift();
      expect(inbox.exceeds(limits)).toBe(false);
      expect(inbox.isHigh(limits)).toBe(false);
    }
    expect(counted).not.toHaveBeenCalled();
  });

  test("fault D1: count the same bytes however additions and removals alternate", () => {
    const message = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30, size: "max" }),
      fc.uint8Array({ maxLength: 30, size: "max" }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.option(message, { freq: 3 }), { maxLength: 60, size: "max" }),
        fc.integer({ min: 1, max: 300 }),
        (steps, maxBytes) => {
          const inbox = new Inbox();
          const waiting: (string | Uint8Array)[] = [];
          for (const step of steps) {
            if (step === null) expect(inbox.shift()).toEqual(waiting.shift());
            else {
              inbox.push(step);
              waiting.push(step);
            }
            const bytes = waiting.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
            expect(inbox.exceeds({ maxMessages: 100, maxBytes })).toBe(bytes > maxBytes);
            expect(inbox.isHigh({ maxMessages: 200, maxBytes })).toBe(bytes * 2 > maxBytes);
          }
        },
      ),
    );
  });

  test("fault D1: count a text by its bytes of UTF-8, not by its UTF-16 code units", () => {
    const inbox = new Inbox();
    const limits = { maxMessages: 10, maxBytes: 10 };
    inbox.push("äöü");
    expect(inbox.exceeds({ ...limits, maxBytes: 6 })).toBe(false);
    expect(inbox.exceeds({ ...limits, maxBytes: 5 })).toBe(true);
    inbox.push("漢字");
    expect(inbox.exceeds({ ...limits, maxBytes: 12 })).toBe(false);
    expect(inbox.exceeds({ ...limits, maxBytes: 11 })).toBe(true);
    inbox.shift();
    inbox.shift();
    inbox.push("x".repeat(10));
    expect(inbox.exceeds(limits)).toBe(false);
  });
});
