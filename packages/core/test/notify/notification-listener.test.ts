import { afterEach, describe, expect, test } from "vitest";
import { callScope } from "../../src/call-scope.js";
import {
  ConnectionLostError,
  InvalidArgumentError,
  InvalidTargetError,
  ListenError,
  NotSupportedError,
} from "../../src/errors.js";
import { type NotificationCall, REQUEUE } from "../../src/notify/endpoint.js";
import type { NotificationListenerOptions } from "../../src/notify/listener-options.js";
import type { NotificationEvent } from "../../src/notify/notification.js";
import { listenForNotifications } from "../../src/notify/notification-listener.js";
import { createNotifier, type Notifier } from "../../src/notify/notifier.js";
import { deferred } from "../../src/testing/deferred.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { until } from "../../src/testing/until.js";
import { LoopbackBus } from "../support/loopback-driver.js";
import { Inbox, openHost, type TestHost, type TestHostOptions } from "../support/notify-host.js";

const opened: TestHost[] = [];
afterEach(async () => {
  for (const host of opened.splice(0)) await host.close();
});

async function open(options: TestHostOptions = {}): Promise<TestHost & { notifier: Notifier }> {
  const host = await openHost(options);
  opened.push(host);
  return { ...host, notifier: createNotifier(host.host, { publisherId: "test.host1", topics: ["t"] }) };
}

const types = (events: readonly NotificationEvent[]): string[] => events.map((event) => event.eventType);
const T = [{ topic: "t" }];

describe("what an endpoint gets", () => {
  test("the event as it was emitted, and what there is to know of its delivery", async () => {
    const { host, notifier } = await open();
    const inbox = new Inbox<[NotificationEvent, NotificationCall]>();
    await listenForNotifications(host, T, { info: (event, call) => inbox.add([event, call]) });
    const emitted = await notifier.info(
      "a.b",
      { n: 1, bytes: Uint8Array.of(1) },
      { context: { tenant: "x" }, headers: { traceparent: "00" } },
    );
    expect(emitted).toEqual({ messageId: expect.any(String), accepted: 1, lost: 0 });
    const [[event, call] = []] = await inbox.take(1);
    expect(event).toEqual({
      publisherId: "test.host1",
      eventType: "a.b",
      priority: "info",
      payload: { n: 1, bytes: Uint8Array.of(1) },
      context: { tenant: "x" },
      messageId: emitted.messageId,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(call).toMatchObject({
      topic: "t",
      exchange: "default",
      attempt: 1,
      redelivered: false,
      headers: { traceparent: "00" },
    });
  });

  test("only priorities that an endpoint has a method for (C2)", async () => {
    const { host, notifier } = await open();
    const inbox = new Inbox<NotificationEvent>();
    class Endpoint {
      readonly name = "class";
      error(event: NotificationEvent): void {
        expect(this.name).toBe("class");
        inbox.add(event);
      }
    }
    await listenForNotifications(host, T, [new Endpoint(), { audit: (event: NotificationEvent) => inbox.add(event) }]);
    expect((await notifier.info("unheard")).accepted).toBe(0);
    await notifier.error("one");
    await notifier.audit("two");
    expect(types(await inbox.take(2))).toEqual(["one", "two"]);
  });

  test("an inherited method counts, an accessor is never touched", async () => {
    const { host, notifier } = await open();
    const inbox = new Inbox<NotificationEvent>();
    class Base {
      warn(event: NotificationEvent): void {
        inbox.add(event);
      }
    }
    class Derived extends Base {
      get info(): never {
        throw new Error("read");
      }
    }
    await listenForNotifications(host, T, new Derived() as Base);
    expect((await notifier.info("unheard")).accepted).toBe(0);
    await notifier.warn("heard");
    await inbox.take(1);
  });

  test("every pool sees every event, and listeners of one pool share (C3)", async () => {
    const { host, notifier } = await open();
    const [none, billing] = [new Inbox<string>(), new Inbox<string>()];
    await listenForNotifications(host, T, { info: ({ eventType }) => none.add(eventType) });
    for (const member of [1, 2]) {
      await listenForNotifications(
        host,
        T,
        { info: ({ eventType }) => billing.add(`${member}:${eventType}`) },
        { pool: "billing" },
      );
    }
    for (let n = 0; n < 10; n += 1) expect((await notifier.info(`e${n}`)).accepted).toBe(2);
    const expected = Array.from({ length: 10 }, (_, n) => `e${n}`);
    expect((await none.take(10)).toSorted()).toEqual(expected);
    const shared = await billing.take(10);
    expect(shared.map((text) => text.slice(2)).toSorted()).toEqual(expected);
    expect(new Set(shared.map((text) => text[0]))).toEqual(new Set(["1", "2"]));
  });

  test("several targets in one listener", async () => {
    const { host, notifier } = await open();
    const inbox = new Inbox<string>();
    await listenForNotifications(host, [{ topic: "t" }, { topic: "u" }, { topic: "t", exchange: "x" }], {
      info: ({ eventType }, { topic, exchange }) => inbox.add(`${exchange}/${topic}/${eventType}`),
    });
    await notifier.with({ topics: ["t", "u"] }).info("e");
    await createNotifier(host, { publisherId: "p", topics: ["t"], exchange: "x" }).info("e");
    expect((await inbox.take(3)).toSorted()).toEqual(["default/t/e", "default/u/e", "x/t/e"]);
  });

  test("the event's context goes along with what the handler emits (D1)", async () => {
    const { host, notifier } = await open();
    const inbox = new Inbox<NotificationEvent>();
    await listenForNotifications(host, T, {
      info: async () => {
        await new Promise(setImmediate);
        await notifier.with({ topics: ["u"] }).info("second");
      },
    });
    await listenForNotifications(host, [{ topic: "u" }], { info: (event) => inbox.add(event) });
    await Promise.all(["x", "y"].map((tenant) => notifier.info("first", null, { context: { tenant } })));
    expect((await inbox.take(2)).map(({ context }) => context["tenant"]).toSorted()).toEqual(["x", "y"]);
    expect(callScope.current()).toBeUndefined();
  });

  test("a serializer's work, context first", async () => {
    const { host, notifier } = await open({
      serializer: {
        serializeValue: (value, context) => ({ wrapped: String(value), by: context["tenant"] ?? null }),
        deserializeValue: (value, context) => [value, context],
        serializeContext: (context) => ({ packed: JSON.stringify(context) }),
        deserializeContext: (context) => JSON.parse(String(context["packed"])),
      },
    });
    const inbox = new Inbox<NotificationEvent>();
    await listenForNotifications(host, T, { info: (event) => inbox.add(event) });
    await notifier.info("e", 7, { context: { tenant: "x" } });
    const [event] = await inbox.take(1);
    expect(event).toMatchObject({ context: { tenant: "x" }, payload: [{ wrapped: "7", by: "x" }, { tenant: "x" }] });
  });
});

describe("verdicts (C4, C5)", () => {
  test("all endpoints that fit see an event, in order, whatever one of them throws", async () => {
    const { host, notifier, failures, driver } = await open();
    const inbox = new Inbox<string>();
    await listenForNotifications(host, T, [
      { info: () => inbox.add("first") },
      {
        info: () => {
          inbox.add("second");
          throw new RangeError("no");
        },
      },
      { filter: { eventType: "other" }, info: () => inbox.add("filtered") },
      { info: async () => inbox.add("third") },
    ]);
    await notifier.info("e");
    expect(await inbox.take(3)).toEqual(["first", "second", "third"]);
    await until(() => driver.bus.rejected.length === 1);
    expect(failures).toEqual([{ error: expect.any(RangeError), topic: "t", eventType: "e" }]);
  });

  test("what none wants is acknowledged", async () => {
    const { host, notifier, driver } = await open();
    const inbox = new Inbox<string>();
    await listenForNotifications(
      host,
      T,
      { filter: { payload: { n: "2" } }, info: ({ eventType }) => inbox.add(eventType) },
      { concurrency: 1, credit: 1 },
    );
    await notifier.info("unwanted", { n: 1 });
    await notifier.info("wanted", { n: 2 });
    expect(await inbox.take(1)).toEqual(["wanted"]);
    expect(driver.bus.rejected).toEqual([]);
  });

  test("REQUEUE brings it back after the delay, to all endpoints, with its attempt", async () => {
    const clock = new ManualClock();
    const { host, notifier, failures } = await open({ clock });
    const [asking, other] = [new Inbox<NotificationCall>(), new Inbox<number>()];
    await listenForNotifications(
      host,
      T,
      [
        {
          info: (_event, call) => {
            asking.add(call);
            return call.attempt === 1 ? REQUEUE : undefined;
          },
        },
        { info: (_event, { attempt }) => other.add(attempt) },
      ],
      { requeueDelayMs: 500 },
    );
    await notifier.info("e");
    await until(() => other.items.length === 1);
    await clock.tick(499);
    expect(asking.items.length).toBe(1);
    await clock.tick(1);
    await other.take(2);
    expect(asking.items.map(({ attempt, redelivered }) => [attempt, redelivered])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(other.items).toEqual([1, 2]);
    expect(failures).toEqual([]);
  });

  test.each<[string, () => unknown, NotificationListenerOptions, number]>([
    ["REQUEUE for ever", () => REQUEUE, { maxAttempts: 3 }, 3],
    ["REQUEUE for ever, by default", () => REQUEUE, {}, 5],
    ["a promise of REQUEUE", async () => REQUEUE, { maxAttempts: 2 }, 2],
    [
      "throwing for ever with onError requeue",
      () => {
        throw new Error("no");
      },
      { onError: "requeue", maxAttempts: 2 },
      2,
    ],
  ])("%s ends rejected and reported", async (_name, handler, options, times) => {
    const { host, notifier, failures, driver } = await open();
    let calls = 0;
    const info = (): never => {
      calls += 1;
      return handler() as never;
    };
    await listenForNotifications(host, T, { info }, { ...options, requeueDelayMs: 0 } as never);
    await notifier.info("e");
    await until(() => driver.bus.rejected.length === 1);
    expect(calls).toBe(times);
    expect(failures.at(-1)).toMatchObject({
      error: { message: expect.stringContaining(`${times} times`) },
      eventType: "e",
    });
  });

  test("a throw is no requeue by default", async () => {
    const { host, notifier, driver } = await open();
    let calls = 0;
    await listenForNotifications(host, T, {
      info: () => {
        calls += 1;
        throw "not even an error";
      },
    });
    await notifier.info("e");
    await until(() => driver.bus.rejected.length === 1);
    expect(calls).toBe(1);
  });

  test("asked of a driver that cannot, it is reported and rejected", async () => {
    const { host, notifier, failures, driver } = await open({ capabilities: { requeue: false } });
    await listenForNotifications(host, T, { info: () => REQUEUE });
    await notifier.info("e");
    await until(() => driver.bus.rejected.length === 1);
    expect(failures).toEqual([
      {
        error: expect.objectContaining({ code: "ERR_NOT_SUPPORTED", capability: "requeue" }),
        topic: "t",
        eventType: "e",
      },
    ]);
  });

  test("what cannot be deserialised is reported and rejected, and the listener lives (F1)", async () => {
    const { host, notifier, failures, driver } = await open();
    const inbox = new Inbox<string>();
    const serializer = {
      serializeValue: (value: unknown) => value as never,
      deserializeValue: (value: unknown) => {
        if (value === "bad") throw new Error("cannot read it");
        return value;
      },
      serializeContext: (context: object) => context as never,
      deserializeContext: (context: object) => context as never,
    };
    await listenForNotifications(host, T, { info: ({ eventType }) => inbox.add(eventType) }, { serializer });
    await notifier.info("e1", "bad");
    await notifier.info("e2", "good");
    expect(await inbox.take(1)).toEqual(["e2"]);
    expect(driver.bus.rejected.length).toBe(1);
    expect(failures).toMatchObject([{ error: { message: "cannot read it" }, eventType: "e1" }]);
  });

  test("what a dead listener held goes to another of its pool (redelivery)", async () => {
    const bus = new LoopbackBus();
    const [first, second] = [await open({ bus }), await open({ bus })];
    const held = deferred<void>();
    const arrived = deferred<void>();
    await listenForNotifications(first.host, T, {
      info: () => {
        arrived.resolve(undefined);
        return held.promise;
      },
    });
    await second.notifier.info("e");
    await arrived.promise;
    const inbox = new Inbox<NotificationCall>();
    await listenForNotifications(second.host, T, { info: (_event, call) => inbox.add(call) });
    first.driver.kill();
    expect(await inbox.take(1)).toMatchObject([{ redelivered: true, attempt: 1 }]);
    held.resolve(undefined);
  });
});

describe("batches (C6)", () => {
  test("full at N, or due at T from the first, one topic and one priority each", async () => {
    const clock = new ManualClock();
    const { host, notifier } = await open({ clock });
    const inbox = new Inbox<string>();
    const handler = (events: readonly NotificationEvent[], { topic }: NotificationCall): void =>
      inbox.add(`${topic}/${events[0]?.priority}: ${types(events).join(" ")}`);
    await listenForNotifications(
      host,
      [{ topic: "t" }, { topic: "u" }],
      { info: handler, warn: handler },
      { batch: { size: 3, timeoutMs: 100 } },
    );
    for (const n of [1, 2, 3, 4]) await notifier.info(`i${n}`);
    expect(await inbox.take(1)).toEqual(["t/info: i1 i2 i3"]);
    await clock.tick(50);
    await notifier.warn("w1");
    await notifier.with({ topics: ["u"] }).info("u1");
    await clock.tick(49);
    expect(inbox.items.length).toBe(1);
    await clock.tick(1);
    expect(await inbox.take(2)).toEqual([expect.anything(), "t/info: i4"]);
    await clock.tick(50);
    expect((await inbox.take(4)).slice(2).toSorted()).toEqual(["t/warn: w1", "u/info: u1"]);
    expect(clock.foregroundTimers).toBe(0);
  });

  test("requeued whole, then acknowledged whole", async () => {
    const { host, notifier, driver } = await open();
    const inbox = new Inbox<[string, number]>();
    await listenForNotifications(
      host,
      T,
      {
        info: (events, { attempt }) => {
          inbox.add([types(events).join(" "), attempt]);
          return attempt === 1 ? REQUEUE : undefined;
        },
      },
      { batch: { size: 2, timeoutMs: 10_000 }, requeueDelayMs: 0 },
    );
    await notifier.info("a");
    await notifier.info("b");
    expect(await inbox.take(2)).toEqual([
      ["a b", 1],
      ["a b", 2],
    ]);
    await until(() => driver.stats().gauges["pending"] === 0);
    expect(driver.bus.rejected).toEqual([]);
  });

  test("an endpoint's filter picks from the batch; an endpoint whose filter picks none is not called", async () => {
    const { host, notifier } = await open();
    const [some, never, done] = [new Inbox<string>(), new Inbox<string>(), new Inbox<number>()];
    await listenForNotifications(
      host,
      T,
      [
        {
          filter: { eventType: "a" },
          info: (events: readonly NotificationEvent[]) => some.add(types(events).join(" ")),
        },
        {
          filter: { eventType: "z" },
          info: (events: readonly NotificationEvent[]) => never.add(types(events).join(" ")),
        },
        { info: (events: readonly NotificationEvent[]) => done.add(events.length) },
      ],
      { batch: { size: 3 } },
    );
    for (const type of ["a1", "b1", "a2"]) await notifier.info(type);
    expect(await done.take(1)).toEqual([3]);
    expect(some.items).toEqual(["a1 a2"]);
    expect(never.items).toEqual([]);
  });

  test("a throw rejects the batch whole, and is reported once", async () => {
    const { host, notifier, driver, failures } = await open();
    const info = (): never => {
      throw new Error("no");
    };
    await listenForNotifications(host, T, { info }, { batch: { size: 2 } });
    await notifier.info("a");
    await notifier.info("b");
    await until(() => driver.bus.rejected.length === 2);
    expect(failures).toEqual([{ error: expect.any(Error), topic: "t" }]);
  });
});

describe("bounds and the end", () => {
  test("no more than concurrency at once, no more than credit in hand (B13)", async () => {
    const { host, notifier, driver } = await open();
    const held = deferred<void>();
    let running = 0;
    let most = 0;
    await listenForNotifications(
      host,
      T,
      {
        info: async () => {
          most = Math.max(most, ++running);
          await held.promise;
          running -= 1;
        },
      },
      { concurrency: 2, credit: 3 },
    );
    const sent = Array.from({ length: 6 }, (_, n) => notifier.info(`e${n}`));
    await until(() => running === 2 && driver.bus.waiting.size === 3);
    held.resolve(undefined);
    await Promise.all(sent);
    await until(() => running === 0);
    expect(most).toBe(2);
  });

  test("stop drains: what runs finishes, what waits and open batches go to another (E3)", async () => {
    const bus = new LoopbackBus();
    const [a, b] = [await open({ bus }), await open({ bus })];
    const held = deferred<void>();
    const [first, second] = [new Inbox<string>(), new Inbox<string>()];
    const leaving = await listenForNotifications(
      a.host,
      T,
      {
        info: async ({ eventType }) => {
          first.add(eventType);
          await held.promise;
        },
      },
      { concurrency: 1 },
    );
    await a.notifier.info("running");
    await a.notifier.info("waiting");
    await first.take(1);
    await listenForNotifications(b.host, T, { info: ({ eventType }) => second.add(eventType) });
    const stopping = leaving.stop();
    expect(leaving.stop()).toBe(stopping);
    expect(await second.take(1)).toEqual(["waiting"]);
    await a.notifier.info("later");
    await second.take(2);
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    await new Promise(setImmediate);
    expect(isStopped).toBe(false);
    held.resolve(undefined);
    await stopping;
    await expect(leaving.closed).resolves.toBeUndefined();
    expect(first.items).toEqual(["running"]);
    expect(second.items).toEqual(["waiting", "later"]);
  });

  test("an open batch is handed back at stop, and no timer stays", async () => {
    const clock = new ManualClock();
    const bus = new LoopbackBus();
    const [a, b] = [await open({ bus, clock }), await open({ bus })];
    const batching = await listenForNotifications(
      a.host,
      T,
      { info: () => {} },
      { batch: { size: 9, timeoutMs: 60_000 } },
    );
    await a.notifier.info("e");
    // The sweep of sends' deadlines is over, and the batch's own timer is left.
    await clock.tick(50);
    expect(clock.timers).toBe(1);
    const inbox = new Inbox<string>();
    await listenForNotifications(b.host, T, { info: ({ eventType }) => inbox.add(eventType) });
    await batching.stop();
    expect(await inbox.take(1)).toEqual(["e"]);
    expect(clock.timers).toBe(0);
  });

  test("a handler that never ends is left behind after drainTimeoutMs, with a warning", async () => {
    const clock = new ManualClock();
    const { host, notifier, warnings } = await open({ clock });
    const arrived = deferred<void>();
    const listener = await listenForNotifications(
      host,
      T,
      {
        info: () => {
          arrived.resolve(undefined);
          return new Promise<void>(() => {});
        },
      },
      { drainTimeoutMs: 200 },
    );
    await notifier.info("e");
    await arrived.promise;
    const stopping = listener.stop();
    await clock.tick(200);
    await stopping;
    expect(warnings).toMatchObject([{ message: expect.stringContaining("left 1 handlers running") }]);
  });

  test("a listener whose driver ends it says why, and ends whole", async () => {
    const { host, driver, warnings } = await open();
    const listener = await listenForNotifications(host, [{ topic: "t" }, { topic: "u" }], { info: () => {} });
    driver.kill();
    await expect(listener.closed).resolves.toBeInstanceOf(ConnectionLostError);
    await listener.stop();
    expect(warnings.length).toBeGreaterThan(0);
  });

  test("where one target cannot be listened on, none is", async () => {
    const { host, driver } = await open();
    const failing = {
      ...host,
      driver: {
        listen: (...args: Parameters<typeof driver.listen>) =>
          args[0].address.topic === "u" ? Promise.reject(new ListenError("occupied")) : driver.listen(...args),
      },
    };
    await expect(listenForNotifications(failing, [{ topic: "t" }, { topic: "u" }], { info: () => {} })).rejects.toThrow(
      ListenError,
    );
    expect(driver.listeners.size).toBe(0);
  });

  test("it disposes", async () => {
    const { host, driver } = await open();
    const listener = await listenForNotifications(host, T, { info: () => {} });
    await listener[Symbol.asyncDispose]();
    expect(driver.listeners.size).toBe(0);
  });
});

describe("what is refused", () => {
  const good = { info: () => {} };
  test.each<[string, unknown, unknown, unknown, RegExp]>([
    ["no endpoint", T, [], {}, /at least one endpoint/],
    ["an endpoint without methods", T, {}, {}, /no method named by a priority/],
    ["one of two without methods", T, [good, { foo() {} }], {}, /endpoint 2 has no method/],
    ["a near miss", T, { infos() {} }, {}, /did you mean info by infos/],
    ["oslo's other name", T, { warning() {} }, {}, /did you mean warn by warning/],
    ["a function for an endpoint", T, () => {}, {}, /must be an object/],
    ["null", T, null, {}, /got null/],
    ["an unknown option", T, good, { pol: "x" }, /does not know "pol"/],
    ["options that are none", T, good, 5, /must be an object/],
    ["a bad size", T, good, { batch: { size: 0 } }, /batch.size/],
    ["a bad batch", T, good, { batch: { size: 1, timeout: 5 } }, /"timeout"/],
    [
      "a batch over the credit",
      T,
      good,
      { batch: { size: 5 }, credit: 4 },
      /credit must be a whole number of at least 5/,
    ],
    ["a bad timeout", T, good, { batch: { size: 1, timeoutMs: -1 } }, /batch.timeoutMs/],
    ["a bad concurrency", T, good, { concurrency: 1.5 }, /concurrency/],
    ["bad attempts", T, good, { maxAttempts: 0 }, /maxAttempts/],
    ["a bad delay", T, good, { requeueDelayMs: Number.NaN }, /requeueDelayMs/],
    ["a bad onError", T, good, { onError: "ignore" }, /onError/],
    ["a bad serializer", T, good, { serializer: {} }, /serializer needs/],
    ["a bad filter", T, { ...good, filter: { eventtype: "x" } }, {}, /"eventtype"/],
  ])("%s", async (_name, targets, endpoints, options, words) => {
    const { host } = await open();
    const error: unknown = await listenForNotifications(
      host,
      targets as never,
      endpoints as never,
      options as never,
    ).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
  });

  test.each<[string, unknown]>([
    ["no target", []],
    ["no list", { topic: "t" }],
    ["no topic", [{ exchange: "x" }]],
    ["a server", [{ topic: "t", server: "s" }]],
    ["a version", [{ topic: "t", version: "1.0" }]],
    ["a bad name", [{ topic: "a\u0000" }]],
    ["one twice", [{ topic: "t" }, { topic: "t", exchange: "default" }]],
  ])("target: %s", async (_name, targets) => {
    const { host } = await open();
    await expect(listenForNotifications(host, targets as never, good)).rejects.toThrow(InvalidTargetError);
  });

  test.each<[string, NotificationListenerOptions]>([
    ["events", {}],
    ["pools", { pool: "p" }],
    ["batches", { batch: { size: 2 } }],
    ["requeue", { onError: "requeue" }],
  ])("unclaimed: %s", async (capability, options) => {
    const changes =
      capability === "events" ? { events: false, pools: false, redelivery: false } : { [capability]: false };
    const host = await openHost({ capabilities: changes });
    opened.push(host);
    const error: unknown = await listenForNotifications(host.host, T, good as never, options as never).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NotSupportedError);
    expect(error).toMatchObject({ capability, driver: "loopback" });
    expect(host.driver.listeners.size).toBe(0);
  });
});
