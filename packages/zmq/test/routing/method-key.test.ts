import { expect, test } from "vitest";
import { MethodKeys } from "../../src/routing/method-key.js";

test("one object for each mode, namespace, version and method", () => {
  const keys = new MethodKeys();
  const variants: readonly Parameters<MethodKeys["of"]>[] = [
    ["topic", undefined, undefined, "m"],
    ["server", undefined, undefined, "m"],
    ["fanout", undefined, undefined, "m"],
    ["topic", "n", undefined, "m"],
    ["topic", undefined, "n", "m"],
    ["topic", "n", "1.0", "m"],
    ["topic", undefined, undefined, "n"],
  ];
  const first = variants.map((names) => keys.of(...names));
  expect(variants.map((names) => keys.of(...names))).toEqual(first);
  for (const [index, names] of variants.entries()) expect(keys.of(...names)).toBe(first[index]);
  expect(new Set(first).size).toBe(variants.length);
  expect(first[5]).toMatchObject({ mode: "topic", namespace: "n", version: "1.0", method: "m" });
});

test("a topic that is asked for ever more of them begins anew, and forgets the old", () => {
  const keys = new MethodKeys();
  const first = keys.of("topic", undefined, undefined, "first");
  for (let n = 0; n < 4_095; n++) keys.of("topic", undefined, undefined, `m${n}`);
  expect(keys.of("topic", undefined, undefined, "first")).toBe(first);
  keys.of("topic", undefined, undefined, "one more");
  expect(keys.of("topic", undefined, undefined, "first")).not.toBe(first);
});
