import { MalformedError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeNotice,
  isNotice,
  MOST_IDS,
  type Notice,
  type NoticeKind,
  readNotice,
  typeOf,
} from "../../src/control/notices.js";
import { anyJsonValue } from "../wire/values.js";

const KINDS: readonly NoticeKind[] = ["cancel", "join", "leave", "gone", "who", "here", "have"];
const NOTICE: Notice = { kind: "who", topic: "E.T", from: "trunkline.inbox.1", ids: ["a", "b"], round: 3 };

const read = (body: unknown, type = typeOf("who")): Notice => readNotice(type, Buffer.from(JSON.stringify(body)));
const { kind: _, ...BODY } = NOTICE;

test("the type says the kind, the body is JSON", () => {
  expect(typeOf("who")).toBe("trunkline.who");
  expect(JSON.parse(encodeNotice(NOTICE).toString())).toEqual(BODY);
  expect(["trunkline.who", "trunkline.x", "trunkline", "", undefined, 5].map(isNotice)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test("any notice comes back", () => {
  const text = fc.string({ minLength: 1, maxLength: 255 });
  const notice = fc.record({
    kind: fc.constantFrom(...KINDS),
    topic: text,
    from: text,
    ids: fc.array(text, { maxLength: 20 }),
    round: fc.nat(),
    servers: fc.option(fc.nat(), { nil: undefined }),
    detail: fc.option(text, { nil: undefined }),
  });
  fc.assert(
    fc.property(notice, (sent) => {
      expect(readNotice(typeOf(sent.kind), encodeNotice(sent))).toEqual(sent);
    }),
  );
  const most = { ...NOTICE, ids: Array.from({ length: MOST_IDS }, (__, index) => `${index}`.padStart(200, "0")) };
  expect(readNotice(typeOf("who"), encodeNotice(most))).toEqual(most);
});

describe("what is no notice is malformed (F1)", () => {
  test.each<[string, unknown]>([
    ["no object", 5],
    ["nothing", null],
    ["no ids", { ...BODY, ids: undefined }],
    ["ids that are no list", { ...BODY, ids: "a" }],
    ["an id of another kind", { ...BODY, ids: ["a", 1] }],
    ["an empty id", { ...BODY, ids: [""] }],
    ["a long id", { ...BODY, ids: ["x".repeat(256)] }],
    ["too many ids", { ...BODY, ids: Array.from({ length: MOST_IDS + 1 }, () => "a") }],
    ["no topic", { ...BODY, topic: "" }],
    ["a topic of another kind", { ...BODY, topic: 1 }],
    ["no sender", { ...BODY, from: null }],
    ["a long sender", { ...BODY, from: "x".repeat(256) }],
    ["a round of another kind", { ...BODY, round: "3" }],
  ])("%s", (__, body) => {
    expect(() => read(body)).toThrow(MalformedError);
  });

  test("an unknown kind, text that is no JSON, and more than half a megabyte", () => {
    expect(() => read(BODY, "trunkline.whoever")).toThrow("a notice of an unknown kind");
    expect(() => read(BODY, "trunkline.constructor")).toThrow(MalformedError);
    expect(() => readNotice(typeOf("who"), Buffer.from("{"))).toThrow(MalformedError);
    expect(() => read({ ...BODY, more: "x".repeat(600_000) })).toThrow("a notice that is too long");
  });

  test("and what is beside it, of another kind, is left out", () => {
    expect(read({ ...BODY, servers: "2", detail: 5, more: true })).toEqual(NOTICE);
    for (const servers of [-1, 1.5, 2 ** 53, null]) expect(read({ ...BODY, servers }).servers).toBeUndefined();
    expect(read({ ...BODY, detail: "x".repeat(256) }).detail).toBeUndefined();
  });

  test("whatever comes is read or malformed", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        anyJsonValue(),
        fc.constantFrom("topic", "from", "ids", "round"),
        (kind, value, name) => {
          for (const body of [value, { ...BODY, [name]: value }]) {
            try {
              expect(read(body, typeOf(kind)).kind).toBe(kind);
            } catch (error) {
              expect(error).toBeInstanceOf(MalformedError);
            }
          }
        },
      ),
    );
  });
});
