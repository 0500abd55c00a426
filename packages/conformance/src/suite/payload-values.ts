import { SerializationError, type Value } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";

/** Arrays and objects in turns, `depth` levels of them. */
function nested(depth: number): Value {
  let value: Value = "the innermost";
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { inner: value };
  return value;
}

/**
 * Sends each value to a server and back, and compares both ways: what the handler got is noted before it is returned.
 * Where events are claimed, the value travels as an event's payload too.
 */
async function roundTrips(t: CaseContext, table: readonly (readonly [string, Value])[]): Promise<void> {
  const topic = t.name("values");
  const got: unknown[] = [];
  const events: unknown[] = [];
  const mirror = ({ value }: { value: Value }): Value => {
    got.push(value);
    return value;
  };
  await t.serve(await t.open(), { topic, server: "s1" }, { mirror });
  const transport = await t.open();
  const client = transport.client({ topic });
  for (const [name, value] of table) {
    const reply = await t.within(`a call with ${name}`, client.call("mirror", { value }));
    t.saw();
    sameValue(`${name}, at the handler`, got.at(-1), value);
    sameValue(`${name}, back at the caller`, reply, value);
  }
  if (!t.claims.events) return;
  await t.listen(await t.open(), topic, { info: ({ payload }) => void events.push(payload) }, { concurrency: 1 });
  const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
  for (const [name, value] of table) {
    await t.within(`an event with ${name}`, notifier.info("kit.value", value));
    await t.until(`the event with ${name}`, () => events.length > 0);
    t.saw();
    sameValue(`${name}, at the listener`, events.pop(), value);
  }
}

/** D2: what may travel arrives exactly; what may not is refused at the sender. */
export const payloadValueCases: readonly ConformanceCase[] = [
  {
    id: "PAY-01",
    title: "null, empty things, zeros, booleans, odd keys and 999 levels of nesting arrive as they were",
    group: "payloads",
    clauses: ["D2"],
    needs: ["rpc"],
    async run(t) {
      await roundTrips(t, [
        ["null", null],
        ["an empty text", ""],
        ["zero", 0],
        ["minus zero", -0],
        ["false", false],
        ["true", true],
        ["an empty array", []],
        ["an empty object", {}],
        ["a mixed array", [null, 1, "1", true, [], {}, [[]]]],
        ["an empty key", { "": 1 }],
        ["keys with dots and spaces", { "a.b": 1, "a b": 2, $ref: 3, "a/b": 4 }],
        ["keys like numbers", { "0": "zero", "10": "ten", "-1": "minus one", "01": "octal" }],
        ["many keys", Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`key ${n}`, n]))],
        ["deep nesting", nested(990)],
      ]);
    },
  },
  {
    id: "PAY-02",
    title: "any well-formed text arrives unchanged; a lone surrogate is refused, never replaced",
    group: "payloads",
    clauses: ["D2"],
    needs: ["rpc"],
    async run(t) {
      await roundTrips(t, [
        ["NUL", "a\u0000b"],
        ["control characters", Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("")],
        ["line ends", "a\r\nb\rc\n"],
        ["separators", "\u2028\u2029\u0085"],
        ["quotes and backslashes", '"\\"\\\\/'],
        ["emoji", "😀👩‍👩‍👧‍👦🇨🇭"],
        ["combining marks", "e\u0301 \u00e9"],
        ["right to left", "שלום \u202eabc\u202c"],
        ["the last code point", "\u{10ffff}"],
        ["a byte order mark", "\ufeffabc"],
        [
          "texts around a length byte",
          ["x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256), "ä".repeat(40_000)],
        ],
        ["a text as key", { "😀\u0000": 1 }],
      ]);
      const client = (await t.open()).client({ topic: t.name("nobody") });
      for (const text of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
        await t.rejects("a lone surrogate", client.cast("note", { text }), SerializationError);
        await t.rejects("a lone surrogate in a key", client.cast("note", { [text]: 1 }), SerializationError);
      }
    },
  },
  {
    id: "PAY-04",
    title: "integers to 2^53-1 and doubles arrive exactly; NaN and the infinities are refused",
    group: "payloads",
    clauses: ["D2"],
    needs: ["rpc"],
    async run(t) {
      const edges = [
        0,
        1,
        127,
        128,
        255,
        256,
        32_767,
        32_768,
        65_535,
        65_536,
        2 ** 31 - 1,
        2 ** 31,
        2 ** 32 - 1,
        2 ** 32,
        2 ** 53 - 1,
      ];
      await roundTrips(t, [
        ["integers", edges],
        ["negative integers", edges.filter((edge) => edge > 0).map((edge) => -edge)],
        ["doubles", [0.1, 1e-7, 1e308, 5e-324, Number.MAX_VALUE, Number.EPSILON, 1 / 3, -2.5]],
        ["large doubles", [2 ** 53, 2 ** 60, 1e21, -1e21]],
      ]);
      const client = (await t.open()).client({ topic: t.name("nobody") });
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const error = await t.rejects(`${value}`, client.cast("note", { value }), SerializationError);
        check(!error.remote, `${value} was refused by the other side, not by the sender`);
      }
    },
  },
  {
    id: "PAY-05",
    title: "undefined members vanish; Map, Set, class instances, functions and cycles are refused at the sender",
    group: "payloads",
    clauses: ["D2"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("values");
      const got: object[] = [];
      await t.serve(await t.open(), { topic, server: "s1" }, { take: (params: object) => void got.push(params) });
      const client = (await t.open()).client({ topic });
      const params = { a: 1, gone: undefined, inner: { gone: undefined, b: 2 } };
      await t.within("a call", client.call("take", params));
      t.saw();
      const [taken = {}] = got;
      sameValue("what arrived", taken, { a: 1, inner: { b: 2 } });
      check(!("gone" in taken), "an undefined member arrived as a member");
      const cycle: { self?: unknown } = {};
      cycle.self = [cycle];
      const refused: readonly (readonly [string, unknown])[] = [
        ["a Map", new Map([["a", 1]])],
        ["a Set", new Set([1])],
        ["an instance of a class", new (class Point {})()],
        ["an Error", new Error("no value")],
        ["a RegExp", /no value/],
        ["a URL", new URL("http://localhost/")],
        ["a promise", Promise.resolve(1)],
        ["a function", () => 1],
        ["a symbol", Symbol("no value")],
        ["a cycle", cycle],
        ["1 100 levels", nested(1_100)],
      ];
      for (const [name, value] of refused) {
        const error = await t.rejects(name, client.call("take", { deep: [value] }), SerializationError);
        check(!error.remote, `${name} was refused by the other side, not by the sender`);
      }
      await t.within("a call after all that", client.call("take", {}));
      sameValue("calls that arrived", got.length, 2);
    },
  },
  {
    id: "PAY-10",
    title: "keys called __proto__, constructor and then are ordinary: nothing is polluted or awaited",
    group: "payloads",
    clauses: ["D2", "F1"],
    needs: ["rpc"],
    async run(t) {
      const hostile = JSON.parse(
        '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"then":"a text"}',
      );
      await roundTrips(t, [
        ["hostile keys", hostile],
        ["hostile keys, deeper", [{ inner: hostile }]],
        ["names of methods", { toString: "a", valueOf: 1, hasOwnProperty: null, toJSON: "b", length: 7 }],
      ]);
      const fresh: Readonly<Record<string, unknown>> = {};
      check(fresh["polluted"] === undefined, "a key called __proto__ reached the prototype of every object");
    },
  },
];
