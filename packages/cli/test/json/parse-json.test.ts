import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { locateJsonError } from "../../src/json/locate-json-error.js";
import { parseJson } from "../../src/json/parse-json.js";
import { UsageError } from "../../src/usage-error.js";
import { run } from "../support/run-command.js";

function refusalOf(text: string): UsageError {
  try {
    parseJson("params", text);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("broken JSON is shown at its place", () => {
  test.each([
    ['{"a": }', "line 1, column 7", 'found "}"'],
    ["{'a': 1}", "line 1, column 2", "JSON uses double quotes"],
    ['{"a": 1,}', "line 1, column 9", "a member's name in double quotes"],
    ['{"a" 1}', "line 1, column 6", 'expected ":"'],
    ['{\n "a": tru\n}', "line 2, column 7", "expected a value"],
    ['{"a": "x}', "line 1, column 7", "this string is never closed"],
    ["[1 2]", "line 1, column 4", 'expected "," or "]"'],
    ["[1]]", "line 1, column 4", "expected the end"],
    ["", "line 1, column 1", "the text ends"],
    ["[01]", "line 1, column 3", "a number as JSON writes it"],
    ['["\\x"]', "line 1, column 3", "an escape"],
    ["NaN", "line 1, column 1", "expected a value"],
  ])("%j: %s", (text, place, problem) => {
    const { message, hint, code } = refusalOf(text);
    expect(message).toContain(`params: not JSON at ${place}: `);
    expect(message).toContain(problem);
    expect(code).toBe("ERR_INVALID_ARGUMENT");
    const [excerpt = "", mark = ""] = hint?.split("\n") ?? [];
    const column = Number(/column (\d+)/.exec(place)?.[1]);
    expect(mark).toBe(`${" ".repeat(column + 1)}^`);
    expect(excerpt.startsWith("  ")).toBe(true);
  });

  test("of a long line only what is around the place", () => {
    const { hint } = refusalOf(`{"a": "${"x".repeat(500)}", b: 1}`);
    const [excerpt = "", mark = ""] = hint?.split("\n") ?? [];
    expect(excerpt.length).toBeLessThan(80);
    expect(excerpt.charAt(mark.indexOf("^"))).toBe("b");
  });

  test("on the command line, with exit code 2 and nothing on stdout", async () => {
    expect(await run("call", "fake://", "t", "m", '{"a": }')).toEqual({
      exitCode: 2,
      stdout: "",
      stderr:
        'trunkline call: params: not JSON at line 1, column 7: expected a value, found "}"\n  {"a": }\n        ^\n',
    });
    const context = await run("cast", "fake://", "t", "m", "--context", "{");
    expect(context.stderr).toContain("--context: not JSON at line 1, column 2");
    const payload = await run("notify", "fake://", "t", "info", "e", "nope");
    expect(payload.stderr).toContain("payload: not JSON at line 1, column 1");
    expect([context.exitCode, payload.exitCode]).toEqual([2, 2]);
  });
});

test("an integer that a double cannot hold is refused, not changed", () => {
  expect(refusalOf('{"id": 9007199254740993}').message).toBe(
    "params: at line 1, column 8: 9007199254740993 would arrive as 9007199254740992; write it as a string",
  );
  expect(refusalOf(`[1${"0".repeat(400)}]`).message).toContain("would arrive as Infinity");
  expect(parseJson("params", "[36727652705147370, 1000000000000000000000, -0]")).toEqual([36727652705147370, 1e21, -0]);
  expect(parseJson("params", '{"id": 9007199254740991, "x": 1e300, "text": "9007199254740993"}')).toEqual({
    id: 9007199254740991,
    x: 1e300,
    text: "9007199254740993",
  });
});

test("every JSON value is taken as JSON.parse takes it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(locateJsonError(text)).toBeUndefined();
      expect(parseJson("x", text)).toEqual(JSON.parse(text));
    }),
  );
});

test("wherever a character is taken out or put in, both agree on whether it is JSON, and the place is within the text", () => {
  const edited = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", "{", "}", "[", "]", ",", ":", '"', "\\", "e", "-", "0", ".", " ", "\n"),
    )
    .map(([text, seed, insert]) => {
      const at = seed % (text.length + 1);
      return text.slice(0, at) + insert + text.slice(insert === "" ? at + 1 : at);
    });
  fc.assert(
    fc.property(edited, (text) => {
      const found = locateJsonError(text);
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      expect(found === undefined).toBe(isJson);
      if (found === undefined) return;
      expect(found.offset).toBeGreaterThanOrEqual(0);
      expect(found.offset).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 1_000 },
  );
});
