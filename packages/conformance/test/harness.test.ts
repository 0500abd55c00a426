import { expect, test } from "vitest";
import { difference } from "../src/check.js";
import { Gate } from "../src/gate.js";
import { harnessFromUrl } from "../src/harness.js";
import { seededRandom, shuffled } from "../src/seeded.js";

test("a URL's name shows no credentials, and its passwords are looked for, encoded or not", () => {
  const harness = harnessFromUrl("rabbit://me:p%40ss@h1:5672,you:other@h2/realm?x=1");
  expect(harness.name).toBe("rabbit://h1:5672,h2/realm?x=1");
  expect(harness.secrets).toEqual(["p%40ss", "p@ss", "other"]);
});

test("a space is a realm below the URL's own, or the URL as it is", () => {
  const source = (url: string, options = {}) => harnessFromUrl(url, options).workerSource?.("kit-1")?.url;
  expect(source("zmq://")).toBe("zmq:///kit-1");
  expect(source("zmq://?runtimeDir=%2Ftmp")).toBe("zmq:///kit-1?runtimeDir=%2Ftmp");
  expect(source("fake://bus/shop")).toBe("fake://bus/shop.kit-1");
  expect(source("fake://bus/shop", { spaces: "names" })).toBe("fake://bus/shop");
});

test("what differs is named with its place", () => {
  expect(difference({ a: [1, { b: "x" }] }, { a: [1, { b: "x" }] })).toBeUndefined();
  expect(difference({ a: [1, { b: "y" }] }, { a: [1, { b: "x" }] })).toBe("at .a[1].b expected 'x', got 'y'");
  expect(difference({ a: 1, b: 2 }, { a: 1 })).toContain('has "b", which was not sent');
  expect(difference({}, { a: 1 })).toContain('lacks "a"');
  expect(difference([1], [1, 2])).toContain("expected 2 elements, got 1");
  expect(difference("1", 1)).toBeDefined();
  expect(difference(null, {})).toBeDefined();
  expect(difference([], {})).toBeDefined();
  expect(difference(Uint8Array.of(1), Uint8Array.of(2))).toBeDefined();
  expect(difference(Uint8Array.of(1), [1])).toBeDefined();
  expect(difference(new Date(1), new Date(2))).toBeDefined();
  expect(difference({ a: undefined }, {})).toBeUndefined();
});

test("a gate holds, lets through one by one, and stays open", async () => {
  const gate = new Gate();
  const passed: string[] = [];
  const enter = async (name: string): Promise<void> => void passed.push(await gate.pass(name));
  const all = [enter("a"), enter("b"), enter("c")];
  await gate.arrived(3);
  expect({ waiting: gate.waiting, most: gate.mostWaiting }).toEqual({ waiting: 3, most: 3 });
  gate.release();
  await all[0];
  expect(passed).toEqual(["a"]);
  gate.open();
  await Promise.all(all);
  await enter("d");
  expect(passed).toEqual(["a", "b", "c", "d"]);
  expect(gate.entered).toBe(4);
});

test("a release before anybody came lets the next one through", async () => {
  const gate = new Gate();
  gate.release();
  await gate.pass();
  const held = gate.pass();
  expect(gate.waiting).toBe(1);
  gate.open();
  await held;
});

test("a seed gives the same numbers, and a shuffle keeps everything", () => {
  const [one, two] = [seededRandom(5), seededRandom(5)];
  expect(Array.from({ length: 5 }, one)).toEqual(Array.from({ length: 5 }, two));
  const items = Array.from({ length: 50 }, (_, n) => n);
  expect(shuffled(items, seededRandom(1))).not.toEqual(items);
  expect(shuffled(items, seededRandom(1)).toSorted((a, b) => a - b)).toEqual(items);
});
