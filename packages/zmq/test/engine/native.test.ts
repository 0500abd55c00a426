import { NotSupportedError } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { requireNative } from "../../src/engine/native.js";

const throwing = (error: unknown) => (): string => {
  throw error;
};

test("where zeromq is not installed, that is said with what to do", () => {
  const error = Object.assign(new Error("Cannot find package 'zeromq'"), { code: "ERR_MODULE_NOT_FOUND" });
  let caught: unknown;
  try {
    requireNative(throwing(error));
  } catch (raised) {
    caught = raised;
  }
  expect(caught).toBeInstanceOf(NotSupportedError);
  expect(caught).toMatchObject({ code: "ERR_NOT_SUPPORTED", capability: "libzmq", driver: "zmq", cause: error });
  expect((caught as Error).message).toMatch(/npm install zeromq.*engine=zmtp/);
});

test("here it is found; and what cannot be known beforehand is left to the loading", () => {
  expect(() => requireNative()).not.toThrow();
  expect(() => requireNative(throwing(new TypeError("no file has this module")))).not.toThrow();
});
