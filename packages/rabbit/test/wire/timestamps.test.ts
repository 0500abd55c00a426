import { MalformedError, SerializationError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromOsloTimestamp, toOsloTimestamp } from "../../src/wire/timestamps.js";

test.each([
  ["2026-11-24T02:25:04.525Z", "2026-11-24 02:25:04.525000"],
  ["2026-11-24T02:25:04.000Z", "2026-11-24 02:25:04"],
  ["2026-11-24T02:25:04.007Z", "2026-11-24 02:25:04.007000"],
  ["2026-11-24T02:25:04+02:00", "2026-11-24 00:25:04"],
])("%s is sent as %s", (iso, written) => {
  expect(toOsloTimestamp(iso)).toBe(written);
});

test.each([
  ["2026-11-24 02:25:04.525535", "2026-11-24T02:25:04.525Z"],
  ["2026-11-24 02:25:04", "2026-11-24T02:25:04.000Z"],
  ["2026-11-24T02:25:04", "2026-11-24T02:25:04.000Z"],
  ["2026-11-24T02:25:04.5", "2026-11-24T02:25:04.500Z"],
  ["2026-11-24 02:25:04.999999999", "2026-11-24T02:25:04.999Z"],
  ["2026-11-24T02:25:04.525535Z", "2026-11-24T02:25:04.525Z"],
  ["2026-11-24 02:25:04z", "2026-11-24T02:25:04.000Z"],
  ["2026-11-24 02:25:04.525535+00:00", "2026-11-24T02:25:04.525Z"],
  ["2026-11-24T02:25:04-0530", "2026-11-24T07:55:04.000Z"],
  ["2024-02-29 00:30:00+01:00", "2024-02-28T23:30:00.000Z"],
  ["0001-01-01 00:00:00", "0001-01-01T00:00:00.000Z"],
])("%s is read as %s", (written, iso) => {
  expect(fromOsloTimestamp(written)).toBe(iso);
});

describe("what is no time is refused", () => {
  test.each([
    ...["", "x", "2026-11-24", "02:25:04", "2026-11-24 02:25", "2026-11-24  02:25:04", "2026-13-24 02:25:04"],
    ...[
      "2026-02-30 02:25:04",
      "2025-02-29 02:25:04",
      "2026-11-24 24:00:00",
      "2026-11-24 02:60:04",
      "2026-11-24 02:25:60",
    ],
    ...["2026-11-24 02:25:04.", "2026-11-24 02:25:04 UTC", "2026-11-24 02:25:04+24:00", "2026-11-24 02:25:04+01:60"],
    ...["0000-01-01 00:00:00+00:01", "9999-12-31 23:59:59-00:01", "Tue Nov 24 2026", "2026-11-24 02:25:04\n"],
    ...["+12026-11-24 02:25:04", `2026-11-24 02:25:04.${"1".repeat(10_000)}`],
  ])("%j", (text) => {
    expect(() => fromOsloTimestamp(text)).toThrow(MalformedError);
    expect(() => toOsloTimestamp(text)).toThrow(SerializationError);
    expect(() => toOsloTimestamp(text)).toThrow(expect.objectContaining({ path: "timestamp" }));
  });

  test.each([undefined, null, 1764000000, {}, ["2026-11-24 02:25:04"]])("%j", (written) => {
    expect(() => fromOsloTimestamp(written)).toThrow(MalformedError);
  });
});

test("any instant survives", () => {
  const instants = fc.date({
    min: new Date("0000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(instants, (instant) => {
      const iso = instant.toISOString();
      expect(fromOsloTimestamp(toOsloTimestamp(iso))).toBe(iso);
    }),
  );
});

test("any text is read or malformed", () => {
  const digit = fc.constantFrom(..."0123456789-:. TZ+".split(""));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: digit, maxLength: 32 })), (text) => {
      try {
        expect(fromOsloTimestamp(text)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError);
      }
    }),
  );
});
