import { describe, expect, test } from "vitest";
import { checkCount, checkFlag, describeGiven } from "../src/option-checks.js";
import { checkTimeout } from "../src/rpc/request.js";
import { parseVersion } from "../src/rpc/version.js";

test.each([
  ["5", '"5" (a string)'],
  [5n, "5n (a bigint)"],
  [5, "5"],
  [Number.NaN, "NaN"],
  [null, "null"],
  [undefined, "undefined"],
  [Object.create(null), "an object"],
  [[5], "an array"],
  [() => 5, "a function"],
  [Symbol("s"), "Symbol(s)"],
])("what was given is told with its kind where its text would mislead: %#", (value, told) => {
  expect(describeGiven(value)).toBe(told);
});

describe("the checks tell what was given", () => {
  test.each([
    [
      "a timeout",
      () => checkTimeout("timeoutMs", "5"),
      'timeoutMs must be a number of milliseconds.*, got "5" \\(a str',
    ],
    ["a bigint timeout", () => checkTimeout("timeoutMs", 5n), "got 5n \\(a bigint\\)$"],
    [
      "a count",
      () => checkCount("credit", "5", 1),
      'credit must be a whole number of at least 1, got "5" \\(a string\\)$',
    ],
    ["a flag", () => checkFlag("exposeStack", 1n), "exposeStack must be true or false, got 1n \\(a bigint\\)$"],
    ["a version", () => parseVersion("version", 1n), 'version must be "major.minor".*, got 1n \\(a bigint\\)$'],
    ["a version that is a string", () => parseVersion("version", "1"), 'got "1"$'],
  ])("%s", (_name, check, message) => {
    expect(check).toThrow(new RegExp(message));
  });
});
