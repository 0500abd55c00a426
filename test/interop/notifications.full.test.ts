import type { NotificationEndpoint } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { isEmpty } from "./support/by-hand.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingListener } from "./support/recording-listener.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

/** As Python's `filter_rule` and as ours. */
const FILTERS: readonly (readonly [name: string, python: object, ours: NonNullable<NotificationEndpoint["filter"]>])[] =
  [
    ["publisher", { publisher_id: "^compute" }, { publisherId: "^compute" }],
    ["event type", { event_type: "vm\\.(start|stop)$" }, { eventType: "vm\\.(start|stop)$" }],
    ["context", { context: { user_id: "^u1$" } }, { context: { user_id: "^u1$" } }],
    ["payload", { payload: { state: "act" } }, { payload: { state: "act" } }],
    [
      "two members at once",
      { event_type: "vm", payload: { state: "active" } },
      { eventType: "vm", payload: { state: "active" } },
    ],
    ["a member that is not there", { payload: { nothing: ".*" } }, { payload: { nothing: ".*" } }],
  ];

/** What the filters are tried on. */
const EVENTS = [
  { publisher: "compute.host1", type: "vm.start", context: { user_id: "u1" }, payload: { state: "active" } },
  { publisher: "compute.host2", type: "vm.stop", context: { user_id: "u12" }, payload: { state: "stopped" } },
  { publisher: "old.compute", type: "x.vm.stop", context: {}, payload: { state: "inactive" } },
  { publisher: "network", type: "vm.stopped", context: { user_id: "u1" }, payload: {} },
];

interop("more notifications between the two", { timeout: 60_000 }, () => {
  test.each(FILTERS)("filters agree: %s", async (_name, python, ours) => {
    const topic = fresh("filtered");
    const theirs = await sides.python.listen({ targets: [{ topic }], filter: python });
    const [filtered, all] = [new RecordingListener(), new RecordingListener()];
    await sides.listen([topic], [{ ...filtered.endpoint, filter: ours }, all.endpoint], { pool: fresh("pool") });
    for (const [index, { publisher, type, context, payload }] of EVENTS.entries()) {
      if (index % 2 === 0)
        await sides.ours.notifier({ publisherId: publisher, topics: [topic], context }).info(type, payload);
      else {
        const event = { publisher_id: publisher, event_type: type, context, payload };
        await sides.python.notify({ ...event, priority: "info", topics: [topic] });
      }
    }
    // A last one that all filters but the last let through.
    const last = {
      publisher: "compute.last",
      type: "vm.stop",
      context: { user_id: "u1" },
      payload: { state: "active" },
    };
    const notifier = sides.ours.notifier({ publisherId: last.publisher, topics: [topic], context: last.context });
    await notifier.info(last.type, last.payload);
    await all.sees(EVENTS.length + 1);
    // Python's listener has seen all of it when its queue is empty; by then ours has too.
    await isEmpty(sides, `${topic}.info`);
    const seenHere = filtered.seen.map(({ event }) => event.publisherId);
    expect(theirs.notified().map(({ publisherId }) => publisherId)).toEqual(seenHere);
    expect(seenHere.length).toBeLessThan(EVENTS.length + 1);
  });

  test("a listener of ours for two priorities leaves the others for Python", async () => {
    const topic = fresh("events");
    const ours = new RecordingListener(undefined, ["error", "critical"]);
    await sides.listen([topic], ours.endpoint);
    const theirs = await sides.python.listen({ targets: [{ topic }], priorities: ["info", "warn"] });
    for (const priority of ["info", "error", "warn", "critical"] as const) {
      await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).emit(priority, "e", "ours");
      await sides.python.notify({ priority, event_type: "e", payload: "python", topics: [topic] });
    }
    const told = (priority: string, payload: unknown): string => `${priority} ${payload}`;
    expect((await ours.sees(4)).map(({ event }) => told(event.priority, event.payload)).toSorted()).toEqual(
      ["error ours", "error python", "critical ours", "critical python"].toSorted(),
    );
    expect((await theirs.sees(4)).map(({ priority, payload }) => told(priority, payload)).toSorted()).toEqual(
      ["info ours", "info python", "warn ours", "warn python"].toSorted(),
    );
  });

  test("a notifier with several topics sends one event to each, under one message id, both ways", async () => {
    const topics = [fresh("events"), fresh("events")];
    const ours = new RecordingListener();
    await sides.listen(topics, ours.endpoint, { pool: fresh("pool") });
    const theirs = await sides.python.listen({ targets: topics.map((topic) => ({ topic })) });
    await sides.ours.notifier({ publisherId: "ours", topics }).info("both");
    await sides.python.notify({ priority: "info", event_type: "both", topics });
    const here = await ours.sees(4);
    const there = await theirs.sees(4);
    const ids = new Set(here.map(({ event }) => event.messageId));
    expect(ids.size).toBe(2);
    expect(new Set(there.map(({ metadata }) => metadata.message_id))).toEqual(ids);
    expect(here.map(({ call }) => call.topic).toSorted()).toEqual([...topics, ...topics].toSorted());
  });

  test("two pools, one of each side, and the nameless one each get every event", async () => {
    const topic = fresh("events");
    const [a, none] = [new RecordingListener(), new RecordingListener()];
    await sides.listen([topic], a.endpoint, { pool: fresh("a") });
    const b = await sides.python.listen({ targets: [{ topic }], pool: fresh("b") });
    await sides.listen([topic], none.endpoint);
    for (let n = 0; n < 5; n++) {
      await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("tick", `ours ${n}`);
      await sides.python.notify({ priority: "info", event_type: "tick", payload: `python ${n}`, topics: [topic] });
    }
    const all = (await none.sees(10)).map(({ event }) => event.payload).toSorted();
    expect(new Set(all).size).toBe(10);
    expect((await a.sees(10)).map(({ event }) => event.payload).toSorted()).toEqual(all);
    expect((await b.sees(10)).map(({ payload }) => payload).toSorted()).toEqual(all);
  });

  test("listeners of both without a pool share its one queue", async () => {
    const topic = fresh("events");
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint);
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    await sides.python.notify({ priority: "info", event_type: "tick", topics: [topic], times: 20 });
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    for (let n = 0; n < 20; n++) await notifier.info("tick");
    await until(() => ours.seen.length + theirs.notified().length >= 40, WITHIN);
    expect(Math.min(ours.seen.length, theirs.notified().length)).toBeGreaterThan(5);
    const ids = [
      ...ours.seen.map(({ event }) => event.messageId),
      ...theirs.notified().map(({ metadata }) => metadata.message_id),
    ];
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
  });

  test("Python's payloads that JSON has no word for arrive as they do in calls", async () => {
    const topic = fresh("odd");
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint);
    const payload = [
      { $float: "nan" },
      { $int: "1180591620717411303424" },
      { $datetime: "2026-01-02T03:04:05.000006" },
    ];
    await sides.python.notify({ priority: "sample", event_type: "odd", payload, topics: [topic] });
    expect((await ours.sees(1))[0]?.event.payload).toEqual([Number.NaN, 2n ** 70n, "2026-01-02T03:04:05.000006"]);
  });

  test("5 MB of payload, both ways", async () => {
    const topic = fresh("large");
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint, { pool: fresh("pool") });
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    const text = "0123456789".repeat(500_000);
    await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("large", { text });
    await sides.python.notify({ priority: "info", event_type: "large", payload: { text }, topics: [topic] });
    for (const { event } of await ours.sees(2)) expect(Reflect.get(Object(event.payload), "text") === text).toBe(true);
    for (const { payload } of await theirs.sees(2)) expect(Reflect.get(Object(payload), "text") === text).toBe(true);
  });

  test("trace headers of an event reach our listener, and pass Python's by", async () => {
    const topic = fresh("traced");
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint, { pool: fresh("pool") });
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x-own": "yes" };
    await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("traced", 1, { headers });
    expect((await ours.sees(1))[0]?.call.headers).toEqual(headers);
    expect((await theirs.sees(1))[0]).toMatchObject({ payload: 1, context: { client_timeout: null } });
  });

  test("a notifier's own filter lets more of our context go to Python", async () => {
    const topic = fresh("context");
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    const context = { user_id: "u", custom: { a: 1 } };
    await sides.ours.notifier({ publisherId: "ours", topics: [topic], context, contextFilter: (all) => all }).info("e");
    expect((await theirs.sees(1))[0]?.context).toEqual({ ...context, client_timeout: null });
  });
});
