import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeadlineTable, type Expiring } from "../src/deadlines.js";
import { ManualClock } from "../src/testing/manual-clock.js";

class Entry implements Expiring {
  slot = -1;
  until: number;
  readonly fired: string[] = [];
  readonly #clock: ManualClock;
  firedAt: number | undefined;

  constructor(clock: ManualClock, until: number) {
    this.#clock = clock;
    this.until = until;
  }

  expire(): void {
    this.fired.push("expired");
    this.firedAt = this.#clock.now();
  }

  abandon(): void {
    this.fired.push("abandoned");
  }
}

function makeTable(): { clock: ManualClock; table: DeadlineTable; add(timeoutMs: number): Entry } {
  const clock = new ManualClock();
  const table = new DeadlineTable(clock);
  return {
    clock,
    table,
    add(timeoutMs) {
      const entry = new Entry(clock, clock.now() + timeoutMs);
      table.add(entry, clock.now());
      return entry;
    },
  };
}

describe("the table of deadlines", () => {
  test("one timer serves them all, and none is left when the table is empty", () => {
    const { clock, table, add } = makeTable();
    const entries = [5, 100, 1_000, 60_000].map(add);
    expect(clock.timers).toBe(1);
    for (const entry of entries) table.remove(entry);
    expect(table.size).toBe(0);
    clock.advance(20);
    expect(clock.timers).toBe(0);
    expect(entries.flatMap((entry) => entry.fired)).toEqual([]);
  });

  test("a short one that joins long ones is not made to wait for them", () => {
    const { clock, add } = makeTable();
    const long = add(60_000);
    clock.advance(1);
    const short = add(4);
    clock.advance(3);
    expect(short.fired).toEqual([]);
    clock.advance(2);
    expect(short.fired).toEqual(["expired"]);
    expect(long.fired).toEqual([]);
  });

  test("one that moves on lives on; one that is removed while another expires is spared", () => {
    const { clock, table, add } = makeTable();
    const [moving, removed] = [add(100), add(200)];
    clock.advance(90);
    moving.until = 300;
    clock.advance(30);
    expect(moving.fired).toEqual([]);
    const first = add(10);
    first.expire = () => table.remove(removed);
    clock.advance(300);
    expect(moving.fired).toEqual(["expired"]);
    expect(removed.fired).toEqual([]);
  });

  test("a short one hurries the sweeps only until the table is empty", () => {
    const { clock, add } = makeTable();
    add(8);
    expect(clock.nextAt).toBe(1);
    clock.advance(8);
    expect(clock.timers).toBe(0);
    add(60_000);
    expect(clock.nextAt).toBe(28);
  });

  test("closing gives up all that is left, and what comes later can be given up again", () => {
    const { clock, table, add } = makeTable();
    const early = add(10);
    table.abandonAll();
    expect(early.fired).toEqual(["abandoned"]);
    expect(clock.timers).toBe(0);
    const late = add(10);
    table.abandonAll();
    expect(late.fired).toEqual(["abandoned"]);
    table.remove(late);
    expect([table.size, clock.timers]).toEqual([0, 0]);
  });

  test("each entry expires once, never early, and late by no more than its sweep (property)", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), timeoutMs: fc.integer({ min: 1, max: 2_000 }) }),
      fc.record({ kind: fc.constant("remove" as const), index: fc.nat(50) }),
      fc.record({ kind: fc.constant("extend" as const), index: fc.nat(50), byMs: fc.integer({ min: 0, max: 500 }) }),
      fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, table, add } = makeTable();
        const entries: { entry: Entry; timeoutMs: number; isRemoved: boolean }[] = [];
        for (const each of steps) {
          if (each.kind === "add")
            entries.push({ entry: add(each.timeoutMs), timeoutMs: each.timeoutMs, isRemoved: false });
          else if (each.kind === "advance") clock.advance(each.ms);
          else {
            const known = entries[each.index];
            if (known === undefined || known.entry.firedAt !== undefined) continue;
            if (each.kind === "extend") known.entry.until += each.byMs;
            else {
              table.remove(known.entry);
              known.isRemoved = true;
            }
          }
        }
        expect(table.size).toBe(
          entries.filter(({ entry, isRemoved }) => !isRemoved && entry.fired.length === 0).length,
        );
        clock.advance(60_000);
        expect([table.size, clock.timers]).toEqual([0, 0]);
        for (const { entry, timeoutMs, isRemoved } of entries) {
          expect(entry.fired).toEqual(isRemoved ? [] : ["expired"]);
          if (entry.firedAt === undefined) continue;
          expect(entry.firedAt).toBeGreaterThanOrEqual(entry.until);
          expect(entry.firedAt - entry.until).toBeLessThanOrEqual(Math.min(20, Math.max(1, timeoutMs / 8)) + 1e-6);
        }
      }),
    );
  });
});
