import { describe, expect, test } from "vitest";
import { expiry, LONGEST_STRETCH, Pace } from "../src/pace.js";

function paceAt(...crowding: number[]): Pace {
  return new Pace({ scale: 2 }, () => (crowding.length > 1 ? crowding.shift() : crowding[0]) ?? 1);
}

describe("the pace of a run", () => {
  test("is what the harness says on a machine that has nothing else to do", () => {
    const pace = paceAt(0.3);
    expect(pace.scale).toBe(2);
    expect(pace).toMatchObject({ quietMs: 25, waitMs: 5_000, idleMs: 1_000, longestStretch: 1 });
  });

  test("is slower where tasks share a core, and stays so until the case ends", () => {
    const pace = paceAt(1, 4, 2, 2);
    expect([pace.scale, pace.scale, pace.scale]).toEqual([2, 8, 8]);
    pace.begin();
    expect(pace.scale).toBe(4);
    expect(pace.longestStretch).toBe(4);
  });

  test("has an end to its patience", () => {
    const pace = paceAt(500);
    expect(pace.scale).toBe(2 * LONGEST_STRETCH);
    expect(pace.longestScale).toBe(pace.scale);
  });
});

describe("expiry", () => {
  test("waits on where the bound has grown meanwhile, and tells the bound that was exceeded", async () => {
    const bounds = [20, 40];
    const { promise } = expiry(
      () => bounds.shift() ?? 40,
      (ms) => new Error(`after ${ms}`),
    );
    const began = performance.now();
    await expect(promise).rejects.toThrow("after 40");
    expect(performance.now() - began).toBeGreaterThanOrEqual(39);
  });

  test("that is cancelled leaves no timer", () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    expiry(
      () => 60_000,
      () => new Error("late"),
    ).cancel();
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before);
  });
});
