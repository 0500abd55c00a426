import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { compileFilter, type NotificationFilter } from "../../src/notify/filter.js";
import type { NotificationEvent } from "../../src/notify/notification.js";

const event: NotificationEvent = {
  publisherId: "compute.host1",
  eventType: "instance.create.end",
  priority: "info",
  payload: { state: "active", size: 8, ok: true, nothing: null, nested: { a: 1 }, big: 12n, text: "first\nsecond" },
  context: { tenant: "acme" },
  messageId: "m-1",
  timestamp: "2026-01-02T03:04:05.006Z",
};

describe("what matches (C5)", () => {
  test.each<[NotificationFilter | undefined, boolean]>([
    [undefined, true],
    [{}, true],
    [{ publisherId: "compute" }, true],
    [{ publisherId: "host1" }, false],
    [{ publisherId: "compute\\.host1$" }, true],
    [{ publisherId: "compute$" }, false],
    [{ eventType: /instance\.(create|delete)\./ }, true],
    [{ eventType: /INSTANCE/i }, true],
    [{ eventType: /create/g }, false],
    [{ eventType: "volume|instance" }, true],
    [{ eventType: "create|end" }, false],
    [{ payload: { state: "act" } }, true],
    [{ payload: { state: "act", size: "8$" } }, true],
    [{ payload: { state: "act", size: "9" } }, false],
    [{ payload: { ok: "true" } }, true],
    [{ payload: { big: "12" } }, true],
    [{ payload: { nothing: "null" } }, false],
    [{ payload: { nothing: "" } }, false],
    [{ payload: { nested: ".*" } }, false],
    [{ payload: { absent: ".*" } }, false],
    [{ payload: { toString: ".*" } as never }, false],
    [{ payload: { text: /second/m } }, false],
    [{ payload: { text: /^second/m } }, false],
    [{ context: { tenant: "acme" } }, true],
    [{ context: { tenant: "other" } }, false],
    [{ metadata: { messageId: "m-", timestamp: "2026-01", priority: "info" } }, true],
    [{ metadata: { messageId: "x" } }, false],
    [
      {
        publisherId: "compute",
        eventType: "instance",
        context: { tenant: "a" },
        payload: { size: "8" },
        metadata: { priority: "i" },
      },
      true,
    ],
    [{ publisherId: "compute", eventType: "instance", context: { tenant: "b" } }, false],
  ])("%o: %s", (filter, expected) => {
    const fits = compileFilter(filter);
    expect([fits(event), fits(event)]).toEqual([expected, expected]);
  });

  test.each([null, "text", 5, ["a"], true])("a payload that is no object has no members: %j", (payload) => {
    expect(compileFilter({ payload: { length: ".*", 0: ".*" } })({ ...event, payload })).toBe(false);
    expect(compileFilter({ payload: {} })({ ...event, payload })).toBe(true);
  });
});

test.each<[unknown, RegExp]>([
  [5, /a filter must be an object/],
  [{ event_type: "x" }, /"event_type"/],
  [{ eventType: 5 }, /eventType must be a regular expression/],
  [{ eventType: "(" }, /eventType is no regular expression/],
  [{ payload: "x" }, /payload must be an object/],
  [{ payload: { a: null } }, /payload\.a must be/],
  [{ metadata: { id: "x" } }, /"id"/],
])("%j is refused", (filter, words) => {
  expect(() => compileFilter(filter as NotificationFilter)).toThrow(words);
  expect(() => compileFilter(filter as NotificationFilter)).toThrow(InvalidArgumentError);
});
