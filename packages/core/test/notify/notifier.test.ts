import { afterEach, describe, expect, test } from "vitest";
import {
  AbortError,
  ClosedError,
  InvalidArgumentError,
  InvalidTargetError,
  NotSupportedError,
  OverloadedError,
  SerializationError,
} from "../../src/errors.js";
import type { Logger } from "../../src/host.js";
import { onlyContextKeys, withoutSecrets } from "../../src/notify/context-filter.js";
import type { NotificationEvent } from "../../src/notify/notification.js";
import { listenForNotifications } from "../../src/notify/notification-listener.js";
import { createNotifier } from "../../src/notify/notifier.js";
import type { NotifierOptions } from "../../src/notify/notifier-options.js";
import type { NotificationSink } from "../../src/notify/sink.js";
import { createLogSink, createTestSink } from "../../src/notify/sinks.js";
import { type Event, PRIORITIES } from "../../src/seam.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { Inbox, openHost, type TestHost, type TestHostOptions } from "../support/notify-host.js";

const opened: TestHost[] = [];
afterEach(async () => {
  for (const host of opened.splice(0)) await host.close();
});

async function open(options: TestHostOptions = {}): Promise<TestHost & { sent(): Event[] }> {
  const host = await openHost(options);
  opened.push(host);
  return { ...host, sent: () => host.driver.bus.sent.map(({ message }) => message as Event) };
}

const failing = (name: string, isEssential: boolean): NotificationSink => ({
  name,
  isEssential,
  publish: () => {
    throw new RangeError(`${name} is full`);
  },
});

describe("what is sent", () => {
  test("each priority has its method, and all say when and under which id (C1)", async () => {
    const clock = new ManualClock({ wallNow: Date.UTC(2026, 0, 2, 3, 4, 5, 6) });
    const { host, sent } = await open({ clock });
    const notifier = createNotifier(host, { publisherId: "compute.host1" });
    const ids = new Set<string>();
    for (const priority of PRIORITIES) {
      const notified = await notifier[priority](`${priority}.type`, { priority });
      expect(notified).toEqual({ messageId: expect.any(String), accepted: 0, lost: 0 });
      ids.add(notified.messageId);
    }
    expect(ids.size).toBe(PRIORITIES.length);
    expect(sent().map(({ priority, eventType }) => [priority, eventType])).toEqual(
      PRIORITIES.map((p) => [p, `${p}.type`]),
    );
    expect(sent()[0]).toEqual({
      kind: "event",
      id: expect.any(String),
      publisherId: "compute.host1",
      eventType: "audit.type",
      priority: "audit",
      payload: { priority: "audit" },
      context: {},
      headers: {},
      timestamp: "2026-01-02T03:04:05.006Z",
    });
  });

  test("one copy for each topic, under one id, on the exchange asked for", async () => {
    const { host, driver } = await open();
    const notifier = createNotifier(host, { publisherId: "p", topics: ["a", "b"], exchange: "x" });
    const { messageId } = await notifier.info("e");
    expect(driver.bus.sent.map(({ to, message }) => [to.exchange, to.topic, message.id])).toEqual([
      ["x", "a", messageId],
      ["x", "b", messageId],
    ]);
  });

  test.each([null, undefined, 0, "", "text", [1, { a: null }], 12n, new Date(0), Uint8Array.of(1), { a: { b: [] } }])(
    "any value is a payload: %s",
    async (payload) => {
      const { host, sent } = await open();
      await createNotifier(host, { publisherId: "p" }).info("e", payload);
      expect(sent()[0]?.payload).toEqual(payload ?? null);
    },
  );

  test("what was passed is what travels, whatever the caller does to it next (D2)", async () => {
    const { host, sent } = await open();
    const payload = { n: 1 };
    const context = { n: 1 };
    const sending = createNotifier(host, { publisherId: "p" }).info("e", payload, { context });
    payload.n = 2;
    context.n = 2;
    await sending;
    expect(sent()[0]).toMatchObject({ payload: { n: 1 }, context: { n: 1 } });
  });

  test("with() changes what it names and shares the rest", async () => {
    const { host, driver } = await open();
    const first = createNotifier(host, { publisherId: "p1", topics: ["a"], exchange: "x", context: { c: 1 } });
    const second = first.with({ publisherId: "p2" }).with({ topics: ["b", "c"] });
    expect([second.publisherId, second.topics]).toEqual(["p2", ["b", "c"]]);
    await second.info("e");
    await first.info("e");
    expect(
      driver.bus.sent.map(({ to, message }) => [
        to.exchange,
        to.topic,
        (message as Event).publisherId,
        message.context,
      ]),
    ).toEqual([
      ["x", "b", "p2", { c: 1 }],
      ["x", "c", "p2", { c: 1 }],
      ["x", "a", "p1", { c: 1 }],
    ]);
    expect(() => first.with({ topics: [] })).toThrow(InvalidArgumentError);
    expect(() => first.with({ sinks: [] } as never)).toThrow(/does not know "sinks"/);
  });
});

describe("context keeps secrets at home (C1)", () => {
  test("by default no key that looks like one, at any depth", async () => {
    const { host, sent } = await open();
    const context = {
      tenant: "t",
      auth_token: "s",
      "X-Auth-Token": "s",
      userPassword: "s",
      roles: [{ name: "r", secret: "s" }, "plain"],
      nested: { deeper: { apiKey: "s", kept: 1 }, cookie: "s" },
    };
    await createNotifier(host, { publisherId: "p", context }).info("e");
    expect(sent()[0]?.context).toEqual({
      tenant: "t",
      roles: [{ name: "r" }, "plain"],
      nested: { deeper: { kept: 1 } },
    });
    expect(context.auth_token).toBe("s");
  });

  test("a context without secrets is not copied", () => {
    const context = { a: { b: [1, { c: 2 }] } };
    expect(withoutSecrets(context)).toBe(context);
  });

  test("on a driver that has a list, only what is on it, whatever it is called", async () => {
    const listed = {
      capabilities: { eventContext: "listed" },
      eventContextKeys: ["request_id", "auth_token"],
    } as const;
    const { host, sent } = await open(listed);
    const context = { request_id: "r", auth_token: "s", tenant: "t", nested: { request_id: "r" } };
    await createNotifier(host, { publisherId: "p", context }).info("e");
    expect(sent()[0]?.context).toEqual({ request_id: "r", auth_token: "s" });
    await createNotifier(host, { publisherId: "p", context, contextFilter: withoutSecrets }).info("e");
    expect(sent()[1]?.context).toEqual({ request_id: "r", tenant: "t", nested: { request_id: "r" } });
  });

  test("it is replaceable", async () => {
    const { host, sent } = await open();
    const context = { tenant: "t", token: "s", other: 1 };
    await createNotifier(host, { publisherId: "p", context, contextFilter: onlyContextKeys(["tenant", "token"]) }).info(
      "e",
    );
    expect(sent()[0]?.context).toEqual({ tenant: "t", token: "s" });
  });

  test.each<[string, unknown, unknown]>([
    ["a context that is none", 5, undefined],
    ["a context of a class", new Map(), undefined],
    [
      "a context that holds itself",
      (() => {
        const loop: Record<string, unknown> = {};
        loop["loop"] = { loop };
        return loop;
      })(),
      undefined,
    ],
    [
      "a filter that throws",
      {},
      () => {
        throw new Error("no");
      },
    ],
    ["a filter that gives nothing", {}, () => undefined],
    ["a context that may not travel", { map: new Map() }, undefined],
  ])("%s rejects the emission, and nothing is sent", async (_name, context, contextFilter) => {
    const { host, sent } = await open();
    const notifier = createNotifier(host, {
      publisherId: "p",
      ...(contextFilter === undefined ? {} : { contextFilter }),
    } as NotifierOptions);
    await expect(notifier.info("e", null, { context: context as never })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARGUMENT|SERIALIZATION)$/),
    });
    expect(sent()).toEqual([]);
  });
});

describe("what goes wrong", () => {
  test("the messaging sink's failure rejects the emission, once every topic was tried", async () => {
    const { host, driver, warnings } = await open();
    driver.bus.refuseNext(new OverloadedError("full"));
    await expect(createNotifier(host, { publisherId: "p", topics: ["a", "b"] }).info("e")).rejects.toThrow(
      OverloadedError,
    );
    expect(driver.bus.sent.map(({ to }) => to.topic)).toEqual(["a", "b"]);
    expect(warnings).toEqual([]);
    driver.bus.refuseNext(new OverloadedError("full"));
    driver.bus.refuseNext(new OverloadedError("fuller"));
    await expect(createNotifier(host, { publisherId: "p", topics: ["a", "b"] }).info("e")).rejects.toThrow("full");
    expect(warnings).toMatchObject([{ message: expect.stringContaining('"b"'), error: { message: "fuller" } }]);
  });

  test("another sink's failure is a warning, and stops neither the others nor the emitter", async () => {
    const { host, driver, warnings } = await open();
    const test = createTestSink();
    const rejecting: NotificationSink = { name: "rejecting", publish: () => Promise.reject(new Error("later")) };
    const notifier = createNotifier(host, {
      publisherId: "p",
      sinks: [failing("disk", false), rejecting, "messaging", test],
    });
    await notifier.info("e");
    expect(warnings).toMatchObject([
      { message: expect.stringContaining('"disk"'), error: expect.any(RangeError) },
      { message: expect.stringContaining('"rejecting"') },
    ]);
    expect([driver.bus.sent.length, test.events.length]).toEqual([1, 1]);
  });

  test("an essential sink of one's own rejects, and the others have it all the same", async () => {
    const { host, warnings } = await open();
    const test = createTestSink();
    const notifier = createNotifier(host, {
      publisherId: "p",
      sinks: [failing("ledger", true), failing("second", true), test],
    });
    await expect(notifier.info("e")).rejects.toThrow("ledger is full");
    expect(test.events.length).toBe(1);
    expect(warnings).toMatchObject([{ message: expect.stringContaining('"second"') }]);
  });

  test.each<
    [string, (notifier: ReturnType<typeof createNotifier>) => Promise<unknown>, new (...args: never[]) => Error, RegExp]
  >([
    ["an unknown priority", (n) => n.emit("warning" as never, "e"), InvalidArgumentError, /did you mean "warn"/],
    ["no event type", (n) => n.info(undefined as never), InvalidArgumentError, /event type/],
    ["an empty event type", (n) => n.info(""), InvalidArgumentError, /event type/],
    ["a long event type", (n) => n.info("e".repeat(256)), InvalidArgumentError, /256 bytes/],
    ["an unknown option", (n) => n.info("e", 1, { timeout: 5 } as never), InvalidArgumentError, /"timeout"/],
    ["a bad timeout", (n) => n.info("e", 1, { timeoutMs: 0 }), InvalidArgumentError, /timeoutMs/],
    [
      "a header that is no text",
      (n) => n.info("e", 1, { headers: { a: 1 } as never }),
      InvalidArgumentError,
      /header "a"/,
    ],
    [
      "a header in capitals",
      (n) => n.info("e", 1, { headers: { TraceParent: "1" } }),
      InvalidArgumentError,
      /traceparent/,
    ],
    ["a Map", (n) => n.info("e", new Map()), SerializationError, /payload/],
    [
      "a cycle",
      (n) => {
        const loop: unknown[] = [];
        loop.push(loop);
        return n.info("e", { loop });
      },
      SerializationError,
      /payload/,
    ],
    ["a lone surrogate", (n) => n.info("e", "\ud800"), SerializationError, /payload/],
  ])("%s", async (_name, emit, type, words) => {
    const { host, sent } = await open();
    const error: unknown = await emit(createNotifier(host, { publisherId: "p" })).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
    expect(sent()).toEqual([]);
  });

  test("what the driver does not claim", async () => {
    const { host } = await open({ capabilities: { bigint: false } });
    await expect(createNotifier(host, { publisherId: "p" }).info("e", { n: 1n })).rejects.toThrow(NotSupportedError);
    const without = await open({ capabilities: { events: false, pools: false, redelivery: false } });
    expect(() => createNotifier(without.host, { publisherId: "p" })).toThrow(NotSupportedError);
    await expect(createNotifier(without.host, { publisherId: "p", sinks: ["log"] }).info("e")).resolves.toMatchObject({
      accepted: 0,
    });
  });

  test("the caller's signal", async () => {
    const { host, driver } = await open();
    await listenForNotifications(host, [{ topic: "notifications" }], { info: () => {} });
    driver.bus.hold();
    const controller = new AbortController();
    const sending = createNotifier(host, { publisherId: "p" }).info("e", null, { signal: controller.signal });
    controller.abort("enough");
    await expect(sending).rejects.toThrow(AbortError);
  });

  test("a closed transport", async () => {
    const { host, core } = await open();
    const notifier = createNotifier(host, { publisherId: "p" });
    core.isClosed = true;
    await expect(notifier.info("e")).rejects.toThrow(ClosedError);
    expect(() => createNotifier(host, { publisherId: "p" })).toThrow(ClosedError);
  });

  test.each<[string, object, RegExp]>([
    ["no publisher id", {}, /publisherId/],
    ["an empty publisher id", { publisherId: "" }, /publisherId/],
    ["no topics", { publisherId: "p", topics: [] }, /at least one topic/],
    ["a topic twice", { publisherId: "p", topics: ["a", "a"] }, /"a" twice/],
    ["an unknown option", { publisherId: "p", topic: "a" }, /"topic"/],
    ["no sinks", { publisherId: "p", sinks: [] }, /"noop"/],
    ["an unknown sink", { publisherId: "p", sinks: ["mail"] }, /mail/],
    ["a bad filter", { publisherId: "p", contextFilter: ["tenant"] }, /contextFilter/],
    ["a bad serializer", { publisherId: "p", serializer: { serializeValue() {} } }, /deserializeValue/],
    ["a bad timeout", { publisherId: "p", timeoutMs: Number.POSITIVE_INFINITY }, /timeoutMs/],
  ])("refused at once: %s", async (_name, options, words) => {
    const { host } = await open();
    expect(() => createNotifier(host, options as NotifierOptions)).toThrow(words);
    expect(() => createNotifier(host, options as NotifierOptions)).toThrow(InvalidArgumentError);
  });

  test("bad names are bad targets", async () => {
    const { host } = await open();
    expect(() => createNotifier(host, { publisherId: "p", topics: ["a\n"] })).toThrow(InvalidTargetError);
    expect(() => createNotifier(host, { publisherId: "p", exchange: "" })).toThrow(InvalidTargetError);
  });
});

describe("sinks", () => {
  test("several at once each get the event; receipts add up", async () => {
    const { host } = await open();
    const inbox = new Inbox<NotificationEvent>();
    await listenForNotifications(host, [{ topic: "notifications" }], { info: (event) => inbox.add(event) });
    const test = createTestSink();
    const counting: NotificationSink = { name: "count", publish: () => ({ accepted: 2, lost: 1 }) };
    const notified = await createNotifier(host, { publisherId: "p", sinks: ["messaging", test, counting] }).info("e", {
      a: 1,
    });
    expect(notified).toMatchObject({ accepted: 3, lost: 1 });
    const [event] = await inbox.take(1);
    expect(test.events).toEqual([{ ...event, topics: ["notifications"] }]);
  });

  test("the test sink keeps copies, the newest, up to its bound", async () => {
    const { host } = await open();
    const test = createTestSink({ maxEvents: 2 });
    const notifier = createNotifier(host, { publisherId: "p", sinks: [test] });
    const payload = { n: 0 };
    for (payload.n = 1; payload.n <= 3; payload.n += 1) await notifier.info("e", payload);
    expect(test.events.map((event) => event.payload)).toEqual([{ n: 2 }, { n: 3 }]);
    expect(test.dropped).toBe(1);
    test.reset();
    expect([test.events.length, test.dropped]).toEqual([0, 0]);
    expect(() => createTestSink({ maxEvents: 0 })).toThrow(InvalidArgumentError);
  });

  test("the log sink writes at the priority's level, with secrets hidden", async () => {
    const lines: [string, string, unknown][] = [];
    const write = (level: string) => (message: string, fields?: object) => lines.push([level, message, fields]);
    const logger = {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
    } as unknown as Logger;
    const { host } = await open({ logger });
    const notifier = createNotifier(host, { publisherId: "p", sinks: ["log"] });
    for (const priority of PRIORITIES)
      await notifier.emit(priority, "user.create", {
        name: "n",
        password: "s",
        list: [{ token: "s" }],
        raw: Uint8Array.of(1),
      });
    expect(lines.map(([level]) => level)).toEqual(["info", "debug", "info", "warn", "error", "error", "info"]);
    expect(lines[0]).toEqual([
      "info",
      "notification user.create",
      expect.objectContaining({
        payload: { name: "n", password: "***", list: [{ token: "***" }], raw: "<1 bytes>" },
        topics: ["notifications"],
      }),
    ]);
    const own: string[] = [];
    const other = createLogSink({ logger: { ...logger, info: (message) => void own.push(message) } });
    await createNotifier(host, { publisherId: "p", sinks: [other] }).info("e");
    expect(own).toEqual(["notification e"]);
  });

  test("isEnabled is false with noop alone", async () => {
    const { host, driver } = await open();
    const silent = createNotifier(host, { publisherId: "p", sinks: ["noop"] });
    expect([silent.isEnabled, createNotifier(host, { publisherId: "p" }).isEnabled]).toEqual([false, true]);
    await silent.info("e");
    expect(driver.bus.sent).toEqual([]);
  });
});
