import { NotSupportedError } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { foreignRuntime, refuseForeignRuntime } from "../../src/engine/foreign-runtime.js";

test("Node is none, whatever its version", () => {
  expect(foreignRuntime()).toBeUndefined();
  expect(foreignRuntime({ node: "24.21.0", v8: "13.6" })).toBeUndefined();
  expect(() => refuseForeignRuntime()).not.toThrow();
});

test.each([
  [{ node: "24.3.0", bun: "1.4.5" }, "Bun 1.4.5"],
  [{ node: "24.2.0", deno: "2.9.6" }, "Deno 2.9.6"],
])("%j is %s, and libzmq is refused there with what to do", (versions, name) => {
  expect(foreignRuntime(versions)).toBe(name);
  let thrown: unknown;
  try {
    refuseForeignRuntime(name);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NotSupportedError);
  expect(thrown).toMatchObject({ capability: "libzmq", driver: "zmq" });
  expect(String(thrown)).toMatch(new RegExp(`${name}.*engine=zmtp`, "u"));
});
