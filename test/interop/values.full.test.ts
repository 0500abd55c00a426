import { NotSupportedError, SerializationError, TimeoutError } from "@trunkline/core";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { publish } from "./support/by-hand.js";
import { fresh } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

/** A value that holds itself so many times. */
function nested(depth: number): object {
  let value: object = {};
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

/** Nothing but JSON may have a member of this name of its own. */
const PROTO: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":2}');

/** A value, what Python says of its type, and how it comes back where that is another one. */
const OURS: readonly (readonly [name: string, value: unknown, kind: string, back?: unknown])[] = [
  ["null", null, "NoneType"],
  ["true", true, "bool"],
  ["false", false, "bool"],
  ["0", 0, "int"],
  ["-0, which JSON does not have", -0, "int", 0],
  ["the greatest safe integer", Number.MAX_SAFE_INTEGER, "int"],
  ["the least safe integer", Number.MIN_SAFE_INTEGER, "int"],
  ["2^60, a double", 2 ** 60, "float"],
  ["1e21", 1e21, "float"],
  ["the greatest double", Number.MAX_VALUE, "float"],
  ["the least double", Number.MIN_VALUE, "float"],
  ["-1.5", -1.5, "float"],
  ["an empty string", "", "str"],
  ["any Unicode", 'žluť 日本語 🐎 \u0000 \u2028 \uffff "\\/\b\f\n\r\t', "str"],
  ["100 000 characters", "é".repeat(100_000), "str"],
  ["an empty array", [], "list"],
  ["an empty object", {}, "dict"],
  ["odd keys", { "": 1, "a b": 2, "a.b": 3, ключ: 4, "0": 5 }, "dict"],
  ["a member __proto__", PROTO, "dict"],
  ["300 levels", nested(300), "dict"],
];

/** Written as `peer.py` reads it, and what it is here. */
const PYTHONS: readonly (readonly [name: string, written: unknown, here: unknown])[] = [
  ["NaN", { $float: "nan" }, Number.NaN],
  ["inf", { $float: "inf" }, Number.POSITIVE_INFINITY],
  ["-inf", { $float: "-inf" }, Number.NEGATIVE_INFINITY],
  ["1.0", { $float: "1.0" }, 1],
  ["-0.0", { $float: "-0.0" }, -0],
  ["2**53 - 1", { $int: "9007199254740991" }, 2 ** 53 - 1],
  ["2**53", { $int: "9007199254740992" }, 2n ** 53n],
  ["2**70", { $int: "1180591620717411303424" }, 2n ** 70n],
  ["-2**70", { $int: "-1180591620717411303424" }, -(2n ** 70n)],
  ["a set", { $set: [1] }, [1]],
  ["a tuple", { $tuple: [1, "two", null] }, [1, "two", null]],
  ["bytes", { $bytes: "žluť" }, "žluť"],
  ["a datetime", { $datetime: "2026-01-02T03:04:05.000006" }, "2026-01-02T03:04:05.000006"],
  ["a UUID", { $uuid: "7d444840-9dc0-11d1-b245-5ffdce74fad2" }, "7d444840-9dc0-11d1-b245-5ffdce74fad2"],
  [
    "a dict whose keys are no strings",
    {
      $pairs: [
        [2, "int"],
        [null, "none"],
        [true, "bool"],
      ],
    },
    { "2": "int", null: "none", true: "bool" },
  ],
  ["a lone surrogate", { $surrogate: "d800" }, "\ud800"],
  [
    "all of it inside",
    [{ a: { $float: "nan" } }, { $int: "-9007199254740993" }],
    [{ a: Number.NaN }, -(2n ** 53n) - 1n],
  ],
];

/** What has no place on this wire. */
const REFUSED: readonly (readonly [name: string, value: unknown, error: abstract new (...args: never[]) => Error])[] = [
  ["NaN", Number.NaN, SerializationError],
  ["Infinity", Number.POSITIVE_INFINITY, SerializationError],
  ["a bigint", 2n ** 70n, NotSupportedError],
  ["a Date", new Date(0), NotSupportedError],
  ["bytes", new Uint8Array(1), NotSupportedError],
  ["a Set", new Set([1]), SerializationError],
  ["a lone surrogate", "\ud800", SerializationError],
  ["1 001 levels", nested(1_001), SerializationError],
];

interop("values between the two", { timeout: 60_000 }, () => {
  test.each(OURS)("ours, to Python and back: %s", async (_name, value, kind, back = value) => {
    const topic = fresh("values");
    await sides.python.serve({ topic, server: "s" });
    const client = sides.ours.client({ topic });
    expect((await client.call<string[]>("kind", { value }))[0]).toBe(kind);
    expect(await client.call("echo", { value })).toEqual(back);
  });

  test.each(PYTHONS)("Python's, as a result and as a param here: %s", async (_name, written, here) => {
    const topic = fresh("values");
    const endpoint = new RecordingEndpoint("ours");
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, endpoint);
    expect(await sides.ours.client({ topic, server: "theirs" }).call("give", { value: written })).toEqual(here);
    await sides.python.cast({ topic, server: "ours" }, "note", { value: written });
    expect((await endpoint.sees(1, "note"))[0]?.params["value"]).toEqual(here);
  });

  test.each(REFUSED)(
    "our client and our server refuse to send Python what JSON has no word for: %s",
    async (_name, value, error) => {
      const topic = fresh("values");
      const theirs = await sides.python.serve({ topic, server: "theirs" });
      await sides.serve({ topic, server: "ours" }, { give: () => value });
      const client = sides.ours.client({ topic, server: "theirs" });
      await expect(client.call("echo", { value })).rejects.toBeInstanceOf(error);
      expect(await client.call("echo", { value: "well" })).toBe("well");
      expect(theirs.handled("echo")).toHaveLength(1);
      const raised = await sides.python.raises(sides.python.call({ topic, server: "ours" }, "give"));
      expect(raised).toMatchObject({ type: "RemoteError", exc_type: error.name });
      expect(raised.value).toMatch(/result/);
    },
  );

  test("a result that Python cannot encode is no reply: our call times out", async () => {
    const topic = fresh("values");
    await sides.python.serve({ topic, server: "s" });
    const client = sides.ours.client({ topic });
    const call = client.call("give", { value: { $date: "2026-01-02" } }, { timeoutMs: 1_000 });
    await expect(call).rejects.toBeInstanceOf(TimeoutError);
    expect(await client.call("echo", { value: 1 })).toBe(1);
  });

  test("no params and no arguments are the same as empty ones", async () => {
    const topic = fresh("values");
    const endpoint = new RecordingEndpoint("ours");
    const theirs = await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, endpoint);
    await sides.ours.client({ topic, server: "theirs" }).cast("note");
    await sides.ours.client({ topic, server: "theirs" }).cast("note", { gone: undefined });
    expect((await theirs.sees(2, "note")).map(({ args }) => args)).toEqual([{}, {}]);
    await sides.python.cast({ topic, server: "ours" }, "note");
    await publish(sides, `${topic}.ours`, '{"method":"note"}');
    expect((await endpoint.sees(2, "note")).map(({ params }) => params)).toEqual([{}, {}]);
  });

  test("what a handler of either returns without a value is null to the other", async () => {
    const topic = fresh("values");
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, new RecordingEndpoint());
    expect(await sides.ours.client({ topic, server: "theirs" }).call("note")).toBeNull();
    expect(await sides.python.call({ topic, server: "ours" }, "note")).toBeNull();
  });

  test("12 MB there and back, both ways at once", async () => {
    const topic = fresh("values");
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, new RecordingEndpoint());
    const value = "0123456789ab".repeat(1_000_000);
    const client = sides.ours.client({ topic, server: "theirs" });
    const [length, back, there] = await Promise.all([
      client.call("length", { value }),
      client.call("echo", { value }),
      sides.python.call({ topic, server: "ours" }, "echo", { value: { $repeat: ["0123456789ab", 1_000_000] } }),
    ]);
    expect(length).toBe(value.length);
    expect(back === value).toBe(true);
    expect(there === value).toBe(true);
  });
});
