import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidTargetError } from "../src/errors.js";
import { checkName, checkTarget, MAX_NAME_BYTES, type Target } from "../src/target.js";

describe("names (A5)", () => {
  test.each(["a", "host@backend", "a.b", "*", "#", ">", "a/b:c d", "ä", "日本", "x".repeat(255), "ä".repeat(127)])(
    "%j is one",
    (name) => {
      expect(checkName("topic", name)).toBe(name);
    },
  );

  test.each([
    "",
    "a\u0000",
    "\n",
    "tab\t",
    "\u007f",
    "\u0085",
    "\ud800",
    "x".repeat(256),
    "ä".repeat(128),
    3,
    null,
    undefined,
    {},
  ])("%j is none", (name) => {
    expect(() => checkName("topic", name)).toThrow(InvalidTargetError);
  });

  test("the bound is in bytes of UTF-8, whatever the characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }), (name) => {
        const fits = Buffer.byteLength(name) <= MAX_NAME_BYTES;
        const check = (): string => checkName("server", name);
        if (fits) expect(check()).toBe(name);
        else expect(check).toThrow(InvalidTargetError);
      }),
    );
  });
});

describe("targets (A1)", () => {
  test("are frozen copies of what is set", () => {
    const target = checkTarget({ topic: "compute", fanout: false });
    expect(target).toEqual({ topic: "compute" });
    expect(Object.isFrozen(target)).toBe(true);
  });

  test.each([
    null,
    "compute",
    [],
    { topic: "" },
    { topic: "a", queue: "b" },
    { topic: "a", fanout: 1 },
    { topic: "a", server: "s", fanout: true },
  ])("%j is none", (target) => {
    expect(() => checkTarget(target as Target)).toThrow(InvalidTargetError);
  });
});

test("a field that is mistyped is told with the one that was meant", () => {
  expect(() => checkTarget({ topic: "t", servr: "s" } as never)).toThrow(/no field "servr"; did you mean server\?/);
});
