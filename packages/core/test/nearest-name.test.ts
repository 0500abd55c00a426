import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../src/errors.js";
import { editDistance, nearestName } from "../src/nearest-name.js";
import { looksSecret } from "../src/secret-names.js";
import { checkSerializer, identitySerializer } from "../src/serializer.js";

describe("nearest name", () => {
  test.each([
    ["hearbeatMs", "heartbeatMs"],
    ["HeartBeatMS", "heartbeatMs"],
    ["heartbeat", "heartbeatMs"],
    ["bnid", "bind"],
    ["security", "security"],
    ["zz", undefined],
    ["unrelated", undefined],
    ["x".repeat(10_000), undefined],
  ])("%s: %s", (word, expected) => {
    expect(nearestName(word, ["bind", "heartbeatMs", "security"])).toBe(expected);
  });

  test("an edit distance is one: zero for equals, the same both ways, at most the longer word", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
  });
});

test.each([
  ["password", true],
  ["userPassword", true],
  ["adminPass", true],
  ["X-Auth-Token", true],
  ["authtoken", true],
  ["service_token", true],
  ["apiKey", true],
  ["api_key", true],
  ["private-key", true],
  ["secretAccessKey", true],
  ["Authorization", true],
  ["set-cookie", true],
  ["sessionId", true],
  ["jwt", true],
  ["auth", true],
  ["credentials", true],
  ["tenant", false],
  ["author", false],
  ["passenger", false],
  ["compass", false],
  ["request_id", false],
  ["user", false],
  ["key", false],
  ["", false],
])("whether %s looks secret: %s", (name, expected) => {
  expect(looksSecret(name)).toBe(expected);
});

test("a serializer has all four methods, or says which it lacks", () => {
  expect(checkSerializer(identitySerializer)).toBe(identitySerializer);
  expect(() => checkSerializer({ ...identitySerializer, serializeContext: undefined as never })).toThrow(
    /missing: serializeContext/,
  );
  expect(() => checkSerializer(undefined as never)).toThrow(InvalidArgumentError);
});
