import { REQUEUE } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { isEmpty, publish } from "./support/by-hand.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingListener } from "./support/recording-listener.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

interop("verdicts on notifications between the two", { timeout: 60_000 }, () => {
  test("Python's REQUEUE brings our event again, and in the end it is acknowledged", async () => {
    const topic = fresh("again");
    const listener = await sides.python.listen({ targets: [{ topic }], requeues: true, requeue: 2 });
    const { messageId } = await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("again");
    const seen = await listener.sees(3);
    expect(seen.map(({ metadata }) => metadata.message_id)).toEqual([messageId, messageId, messageId]);
    await isEmpty(sides, `${topic}.info`);
    expect(listener.notified()).toHaveLength(3);
  });

  test("our REQUEUE brings Python's event again, its attempts counted, and in the end it is acknowledged", async () => {
    const topic = fresh("again");
    const listener = new RecordingListener(({ call }) => (call.attempt < 3 ? REQUEUE : undefined));
    await sides.listen([topic], listener.endpoint, { requeueDelayMs: 0 });
    await sides.python.notify({ priority: "info", event_type: "again", topics: [topic] });
    const seen = await listener.sees(3);
    expect(seen.map(({ call }) => call.attempt)).toEqual([1, 2, 3]);
    expect(seen.map(({ call }) => call.redelivered)).toEqual([false, true, true]);
    await isEmpty(sides, `${topic}.info`);
    expect(listener.seen).toHaveLength(3);
  });

  test("Python's event that our handler never wants is dropped after maxAttempts, and reported", async () => {
    const topic = fresh("again");
    const transport = await sides.open();
    const reports: unknown[] = [];
    transport.events.on("handlerError", (report) => reports.push(report));
    const never = new RecordingListener(() => REQUEUE);
    await transport.listen([{ topic }], never.endpoint, { requeueDelayMs: 0, maxAttempts: 4 });
    await sides.python.notify({ priority: "info", event_type: "never", topics: [topic] });
    await until(() => reports.length === 1, WITHIN);
    expect(never.seen).toHaveLength(4);
    expect(reports).toMatchObject([{ topic, eventType: "never" }]);
    await isEmpty(sides, `${topic}.info`);
  });

  test("an event that a handler fails on is given again where Python allows it, and by onError here", async () => {
    const topic = fresh("again");
    const python = await sides.python.listen({ targets: [{ topic }], pool: fresh("p"), requeues: true, fail: 1 });
    let failures = 1;
    const ours = new RecordingListener(() => {
      if (failures-- > 0) throw new Error("a notification endpoint that fails");
    });
    await sides.listen([topic], ours.endpoint, { pool: fresh("q"), onError: "requeue", requeueDelayMs: 0 });
    await sides.python.notify({ priority: "info", event_type: "again", topics: [topic] });
    await python.sees(2);
    await ours.sees(2);
  });

  test("an event that a handler fails on is gone where neither asks for it again", async () => {
    const topic = fresh("gone");
    const [p, q] = [fresh("p"), fresh("q")];
    const python = await sides.python.listen({ targets: [{ topic }], pool: p, fail: 1 });
    const ours = new RecordingListener(({ event }) => {
      if (event.payload === 1) throw new Error("a notification endpoint that fails");
    });
    await sides.listen([topic], ours.endpoint, { pool: q });
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    await notifier.info("gone", 1);
    await notifier.info("gone", 2);
    expect((await python.sees(2)).map(({ payload }) => payload)).toEqual([1, 2]);
    expect((await ours.sees(2)).map(({ event }) => event.payload)).toEqual([1, 2]);
    await isEmpty(sides, p);
    await isEmpty(sides, q);
  });

  test("a batch that either side asks for again comes whole", async () => {
    const topic = fresh("batches");
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    const [p, q] = [fresh("p"), fresh("q")];
    const idle = await sides.python.listen({ targets: [{ topic }], pool: p });
    await idle.stop();
    await (await sides.ours.listen([{ topic }], { info: () => {} }, { pool: q })).stop();
    for (let n = 0; n < 4; n++) await notifier.info("tick", n);
    const python = await sides.python.listen({
      targets: [{ topic }],
      priorities: ["info"],
      pool: p,
      requeues: true,
      requeue: 1,
      batchSize: 4,
      batchTimeout: 2,
    });
    const ours: unknown[][] = [];
    const listener = await sides.ours.listen(
      [{ topic }],
      {
        info(events) {
          ours.push(events.map(({ payload }) => payload));
          return ours.length === 1 ? REQUEUE : undefined;
        },
      },
      { pool: q, batch: { size: 4, timeoutMs: 2_000 }, requeueDelayMs: 0 },
    );
    await until(() => ours.length === 2 && python.batches().length === 2, WITHIN);
    const theirs = python.batches().map(({ messages }) => messages.map(({ payload }) => payload));
    for (const batches of [ours, theirs]) {
      expect(batches[0]).toEqual([0, 1, 2, 3]);
      expect(batches[1]?.toSorted()).toEqual([0, 1, 2, 3]);
    }
    await isEmpty(sides, p);
    await isEmpty(sides, q);
    await listener.stop();
  });

  test("what a killed Python listener held goes to ours of its pool", async () => {
    const [topic, pool] = [fresh("events"), fresh("pool")];
    const peer = await sides.startPeer();
    const python = await sides.openPython({}, peer);
    const held = await python.listen({ targets: [{ topic }], pool, hold: "for ever" });
    await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("held", 1);
    await held.sees(1);
    await peer.kill();
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint, { pool });
    expect((await ours.sees(1))[0]).toMatchObject({ event: { payload: 1 }, call: { redelivered: true } });
  });

  test("what waits in a listener of ours that stops goes to Python of its pool", async () => {
    const [topic, pool] = [fresh("events"), fresh("pool")];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const ours = new RecordingListener(() => gate);
    const listener = await sides.listen([topic], ours.endpoint, { pool, concurrency: 1, credit: 10 });
    await sides.python.notify({ priority: "info", event_type: "tick", payload: 0, topics: [topic], times: 3 });
    await ours.sees(1);
    const stopped = listener.stop();
    const python = await sides.python.listen({ targets: [{ topic }], pool });
    await python.sees(2);
    release();
    await stopped;
    expect(ours.seen).toHaveLength(1);
    expect(python.notified()).toHaveLength(2);
  });

  test("an event that comes again under its own id is handled once here, and leaves the queue", async () => {
    const topic = fresh("twice");
    const ours = new RecordingListener();
    const transport = await sides.open();
    await transport.listen([{ topic }], ours.endpoint);
    const inner = {
      message_id: "m1",
      publisher_id: "by hand",
      event_type: "twice",
      priority: "INFO",
      payload: 1,
      timestamp: "2026-11-24 02:25:04",
      _unique_id: fresh("id"),
    };
    await publish(sides, `${topic}.info`, JSON.stringify(inner), { times: 2 });
    await ours.sees(1);
    await isEmpty(sides, `${topic}.info`);
    await publish(sides, `${topic}.info`, JSON.stringify(inner));
    await publish(sides, `${topic}.info`, JSON.stringify({ ...inner, payload: 2, _unique_id: fresh("id") }));
    expect((await ours.sees(2)).map(({ event }) => event.payload)).toEqual([1, 2]);
    expect(ours.seen[0]?.event.timestamp).toBe("2026-11-24T02:25:04.000Z");
    expect(transport.stats().counters["duplicates"]).toBeGreaterThan(0);
    await isEmpty(sides, `${topic}.info`);
  });

  test.each([
    ["a priority that there is not", { priority: "LOUD" }],
    ["no message id", { message_id: null }],
    ["a time that is none", { timestamp: "yesterday" }],
  ])("an event with %s is dropped here and counted, and the next one arrives", async (_name, wrong) => {
    const topic = fresh("odd");
    const ours = new RecordingListener();
    const transport = await sides.open();
    await transport.listen([{ topic }], ours.endpoint);
    const inner = { message_id: "m", priority: "INFO", payload: 1, timestamp: "2026-11-24 02:25:04.5" };
    await publish(sides, `${topic}.info`, JSON.stringify({ ...inner, ...wrong }));
    await publish(sides, `${topic}.info`, JSON.stringify(inner));
    await ours.sees(1);
    expect(transport.stats().counters["malformed"]).toBe(1);
    await isEmpty(sides, `${topic}.info`);
  });
});
