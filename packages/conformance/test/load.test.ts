import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GROWTH, Growth } from "../src/stress/growth.js";
import { Journal, readJournal } from "../src/stress/journal.js";
import type { Footprint, LoadPlan, LoadRecord, LoadSend } from "../src/stress/load-plan.js";
import { LoadRound, type RoundRules, sortRecords } from "../src/stress/load-round.js";

const footprint = (more: Partial<Footprint> = {}): Footprint => ({
  ...{ heapBytes: 10_000_000, handles: 3, openFiles: 20, gauges: { links: 2 } },
  ...more,
});

describe("what a killed process did is in its journal", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "trunkline-journal-"));
    file = join(folder, "p2.1");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const begun: LoadSend = { id: "p2-1", kind: "cast", state: "unknown", refusal: "its sender was killed" };

  test("what it began and never heard of is of unknown outcome, and a line that was cut short says nothing", () => {
    const journal = new Journal(file);
    journal.note(["begins", begun]);
    journal.note(["begins", { ...begun, id: "p2-2" }]);
    journal.note(["ends", { id: "p2-2", kind: "cast", state: "ok" }]);
    journal.note(["served", "p1-7", 1]);
    journal.note(["listened", "p1-8", 2]);
    journal.note(["lost", 3]);
    journal.close();
    appendFileSync(file, '["served","p1-9');
    expect(readJournal(file)).toEqual({
      sends: [begun, { id: "p2-2", kind: "cast", state: "ok" }],
      served: [["p1-7", 1]],
      listened: [["p1-8", 2]],
      lost: 3,
      wasKilled: true,
    });
  });

  test("what was taken is not in it", () => {
    const journal = new Journal(file);
    journal.note(["served", "p1-1", 1]);
    journal.clear();
    journal.note(["served", "p1-2", 1]);
    journal.close();
    expect(readJournal(file).served).toEqual([["p1-2", 1]]);
  });
});

describe("a round in which a process is killed", () => {
  const plan: LoadPlan = {
    ...{ peers: ["p1", "p2"], topic: "t", seed: 1, kinds: ["cast", "emit"], pools: [""], timeoutMs: 1_000 },
  };
  const record = (more: Partial<LoadRecord> = {}): LoadRecord => ({
    ...{ sends: [], served: [], listened: [], lost: 0 },
    ...more,
  });
  const sent = (id: string, kind: LoadSend["kind"], state: LoadSend["state"] = "ok"): LoadSend => ({ id, kind, state });

  function judged(
    acceptance: { casts: boolean; events: boolean },
    mine: LoadRecord,
    dead: LoadRecord,
    isFaulty = true,
  ) {
    const rules: RoundRules = { isFaulty, repeats: false, isSendersWord: acceptance };
    const round = new LoadRound(plan, rules);
    const { strangers } = sortRecords(
      [
        ["p1", mine],
        ["p2", { ...dead, wasKilled: true }],
      ],
      [round],
    );
    const { flaws, missingCasts } = round.judge();
    return { strangers, flaws, missingCasts };
  }

  test("counts the casts of those that live, and of the dead where another keeps what was accepted", () => {
    const mine = record({ sends: [sent("p1-1", "cast")] });
    const dead = record({ sends: [sent("p2-1", "cast")] });
    expect(judged({ casts: true, events: true }, mine, dead).missingCasts).toBe(1);
    expect(judged({ casts: false, events: false }, mine, dead).missingCasts).toBe(2);
  });

  test("excuses an event that is missing only where its sender's word was all there was", () => {
    const mine = record({ sends: [sent("p1-1", "emit")] });
    expect(judged({ casts: true, events: true }, mine, record()).flaws).toEqual([]);
    expect(judged({ casts: true, events: true }, mine, record(), false).flaws).toHaveLength(1);
    expect(judged({ casts: false, events: false }, mine, record()).flaws).toEqual([
      expect.stringMatching(/^missing: p1-1 /),
    ]);
  });

  test("excuses nothing that ran twice, ran though it was refused, or was never sent", () => {
    const mine = record({ sends: [sent("p1-1", "cast"), sent("p1-2", "cast", "fail")], served: [["p1-1", 1]] });
    const dead = record({
      served: [
        ["p1-1", 1],
        ["p1-2", 1],
        ["p9-9", 1],
      ],
    });
    const { flaws, strangers } = judged({ casts: true, events: true }, mine, dead);
    expect(flaws).toEqual([expect.stringMatching(/^duplicate: p1-1 /), expect.stringMatching(/^unexpected: p1-2 /)]);
    expect(strangers).toEqual(["p9-9 at p2"]);
  });

  test("knows a killed sender's messages from those of the process after it", () => {
    const mine = record({
      served: [
        ["p2-1", 1],
        ["p2.2-1", 1],
      ],
    });
    const dead = record({ sends: [sent("p2-1", "cast", "unknown"), sent("p2.2-1", "cast")] });
    expect(judged({ casts: true, events: true }, mine, dead)).toEqual({ strangers: [], flaws: [], missingCasts: 0 });
  });
});

describe("what is held", () => {
  const holdings = (...footprints: Footprint[]) => ({ footprints, residue: { queues: 4 } });

  test("is compared with what it was after the first rounds", () => {
    const growth = new Growth(["p1"], 2);
    growth.born("p1", 0);
    growth.measured(1, holdings(footprint()));
    growth.measured(2, holdings(footprint({ handles: 9 })));
    growth.measured(3, holdings(footprint({ handles: 9 + GROWTH.handles })));
    growth.check();
    growth.measured(4, holdings(footprint({ handles: 10 + GROWTH.handles })));
    expect(() => growth.check()).toThrow("p1 has 5 handles more than at first, of 4");
  });

  test.each([
    [{ heapBytes: 10_000_001 + GROWTH.heapBytes }, "p1 holds 16.0 MiB more"],
    [{ openFiles: 25 }, "p1 has 5 open files more"],
    [{ gauges: { links: 19 } }, "p1: links is 19, 17 more"],
  ])("%j is too much", (more, told) => {
    const growth = new Growth(["p1"], 2);
    growth.measured(1, holdings(footprint()));
    growth.measured(3, holdings(footprint(more)));
    expect(() => growth.check("p1")).toThrow(told);
    expect(() => growth.check("p2")).not.toThrow();
  });

  test("by a process that took the place of another is compared with its own beginning", () => {
    const growth = new Growth(["p1"], 2);
    growth.measured(2, holdings(footprint()));
    growth.born("p1", 5);
    growth.check();
    growth.measured(6, holdings(footprint({ openFiles: 60 })));
    growth.measured(9, holdings(footprint({ openFiles: 60 })));
    growth.check();
  });

  test("by the backend is judged too, at the end", () => {
    const growth = new Growth([], 2);
    growth.measured(1, { footprints: [], residue: { queues: 1 } });
    growth.measured(3, { footprints: [], residue: { queues: 10 } });
    growth.check("p1");
    expect(() => growth.check()).toThrow("the backend: queues is 10, 9 more");
  });

  test("by the backend may be two queues more for each process that was killed", () => {
    const growth = new Growth(["p1"], 2);
    growth.born("p1", 0);
    growth.measured(1, { footprints: [], residue: { queues: 1 } });
    growth.born("p1", 2);
    growth.measured(3, { footprints: [], residue: { queues: 11 } });
    growth.check();
    growth.measured(4, { footprints: [], residue: { queues: 12 } });
    expect(() => growth.check()).toThrow("the backend: queues is 12, 11 more");
  });
});
