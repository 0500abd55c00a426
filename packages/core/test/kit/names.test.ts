import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeName, hashName, unescapeName } from "../../src/kit/names.js";

const name = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 255 }),
  fc.string({
    unit: fc.constantFrom("a", "A", ".", "*", "#", ">", "@", "/", ":", " ", "=", "~", "é", "2", "e"),
    maxLength: 80,
  }),
  fc.tuple(fc.constantFrom("a".repeat(60), "é".repeat(40)), fc.string({ maxLength: 4 })).map((parts) => parts.join("")),
);

test("escaping comes back, and uses its alphabet alone", () => {
  fc.assert(
    fc.property(name, (name) => {
      const escaped = escapeName(name);
      expect(escaped).toMatch(/^[A-Za-z0-9_=-]*$/);
      expect(unescapeName(escaped)).toBe(name);
    }),
  );
});

test("different names stay different, as they are and joined", () => {
  fc.assert(
    fc.property(name, name, name, name, (a, b, c, d) => {
      expect(escapeName(a) === escapeName(b)).toBe(a === b);
      const joined = `${escapeName(a)}.${escapeName(b)}` === `${escapeName(c)}.${escapeName(d)}`;
      expect(joined).toBe(a === c && b === d);
      for (const options of [{ maxBytes: 32 }, { maxBytes: 64 }, { maxBytes: 40, caseless: true }]) {
        const [one, other] = [hashName(a, options), hashName(b, options)];
        expect(one === other).toBe(a === b);
        if (options.caseless) expect(one.toLowerCase() === other.toLowerCase()).toBe(a === b);
      }
    }),
    { numRuns: 500 },
  );
});

test("a hashed name fits and is never another's plain form", () => {
  fc.assert(
    fc.property(name, fc.integer({ min: 32, max: 255 }), (name, maxBytes) => {
      const hashed = hashName(name, { maxBytes });
      expect(Buffer.byteLength(hashed)).toBeLessThanOrEqual(maxBytes);
      if (hashed !== escapeName(name)) {
        expect(hashed).toMatch(/^[A-Za-z0-9_=-]*~[0-9a-v]{24}$/);
        expect(unescapeName(hashed)).toBe(undefined);
      }
    }),
  );
});

test("names that look alike stay apart", () => {
  const names = [
    "compute",
    "compute.host1",
    "compute/host1",
    "compute=2ehost1",
    "Compute",
    "compute ",
    "host1@ceph",
    "host1@lvm",
  ];
  expect(new Set(names.map(escapeName)).size).toBe(names.length);
  expect(new Set(names.map((name) => hashName(name, { maxBytes: 32, caseless: true }).toLowerCase())).size).toBe(
    names.length,
  );
  expect(escapeName("host1@ceph")).toBe("host1=40ceph");
  expect(hashName(`${"a".repeat(100)}.x`, { maxBytes: 40 })).toMatch(/^a{15}~/);
});

test("what escaping never gives is not taken back", () => {
  for (const wrong of ["a.b", "=", "=4", "=4G", "=2E", "=61", "=ff", "a~b", "=ed=a0=80"])
    expect(unescapeName(wrong)).toBe(undefined);
});

test("arguments that cannot be met are refused", () => {
  expect(() => hashName("a", { maxBytes: 31 })).toThrow(/maxBytes must be >= 32/);
  expect(() => escapeName("a\ud800")).toThrow(/lone surrogate/);
  expect(() => hashName("a\ud800", { maxBytes: 64 })).toThrow(/lone surrogate/);
});
