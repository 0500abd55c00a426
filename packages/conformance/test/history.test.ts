import { ConnectionLostError, RemoteError, TimeoutError, UnreachableError } from "@trunkline/core";
import { expect, test } from "vitest";
import { describeFlaws, History, outcomeOf } from "../src/history.js";

/** A history in which everything went well: m0 to m4, one of two servers each. */
function well(): History {
  const history = new History();
  for (let n = 0; n < 5; n++) {
    history.ok(history.invoke(`m${n}`, [["s1", "s2"]]));
    history.handled(`m${n}`, n % 2 === 0 ? "s1" : "s2");
  }
  return history;
}

test("nothing is wrong where each message was handled once", () => {
  const history = well();
  expect(history.isComplete()).toBe(true);
  expect(describeFlaws(history.judge({ order: true }))).toBeUndefined();
});

test("an accepted message that nobody handled is missing", () => {
  const history = well();
  history.ok(history.invoke("lost", [["s1", "s2"]]));
  expect(history.isComplete()).toBe(false);
  expect(history.judge().missing).toEqual(["lost at s1|s2"]);
});

test("a duplicate stays a duplicate: nothing is deduplicated, and nobody stops at the number sent", () => {
  const history = well();
  history.handled("m1", "s1");
  expect(history.judge().duplicate).toEqual(["m1 (2 times, at s2, s1)"]);
});

test("each group of a scope must have it once", () => {
  const history = new History();
  history.ok(history.invoke("fanout", [["s1"], ["s2"], ["s3"]]));
  history.handled("fanout", "s1");
  history.handled("fanout", "s3");
  history.handled("fanout", "s3");
  const { missing, duplicate } = history.judge();
  expect(missing).toEqual(["fanout at s2"]);
  expect(duplicate).toEqual(["fanout (2 times, at s3)"]);
});

test("one who should not have it, and one that was never sent, are told", () => {
  const history = well();
  history.handled("m0", "stranger");
  history.handled("ghost", "s1");
  const { misrouted, unexpected } = history.judge();
  expect(misrouted).toEqual(["m0 at stranger"]);
  expect(unexpected).toEqual(["ghost at s1"]);
});

test("a message that was refused for certain and handled all the same is unexpected", () => {
  const history = new History();
  history.refused(history.invoke("m1", [["s1"]]), new UnreachableError("nobody"));
  history.handled("m1", "s1");
  const { unexpected, rejected } = history.judge();
  expect(unexpected).toEqual(["m1 (refused, yet handled by s1)"]);
  expect(rejected).toEqual(["m1 (ERR_UNREACHABLE: nobody)"]);
  expect(history.judge({ failures: true }).rejected).toEqual([]);
});

test("order is per consumer and sender, of first handlings", () => {
  const history = new History();
  for (const [id, sender] of [
    ["a1", "a"],
    ["b1", "b"],
    ["a2", "a"],
    ["a3", "a"],
  ] as const) {
    history.ok(history.invoke(id, [["s1"]], sender));
  }
  for (const id of ["a1", "a3", "b1", "a2"]) history.handled(id, "s1");
  expect(history.judge({ order: true }).reordered).toEqual(["a2 after a3 at s1"]);
  expect(history.judge().reordered).toEqual([]);
});

test("with repeats each attempt may come once", () => {
  const history = new History();
  history.ok(history.invoke("m1", [["s1"]]));
  history.handled("m1", "s1", 1);
  history.handled("m1", "s1", 2);
  expect(history.judge({ repeats: true }).duplicate).toEqual([]);
  history.handled("m1", "s1", 2);
  expect(history.judge({ repeats: true }).duplicate).toHaveLength(1);
});

test("errors say whether it may have run", () => {
  expect(outcomeOf(new RemoteError("no", { type: "Error" }))).toBe("ok");
  expect(outcomeOf(new TimeoutError("late"))).toBe("unknown");
  expect(outcomeOf(new ConnectionLostError("gone", true))).toBe("unknown");
  expect(outcomeOf(new ConnectionLostError("gone", false))).toBe("fail");
  expect(outcomeOf(new Error("whatever"))).toBe("unknown");
});
