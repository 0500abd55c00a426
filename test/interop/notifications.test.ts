import { PRIORITIES, REQUEUE } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingListener } from "./support/recording-listener.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

const PAYLOAD = { id: 7, text: "žluťoučký 🐎", deep: [{ a: null }, 1.5, true], empty: {} };

interop("notifications between the two", { timeout: 30_000 }, () => {
  test.each(["messaging", "messagingv2"] as const)(
    "Python's events of all seven priorities arrive here, sent by its driver %s",
    async (driver) => {
      const topic = fresh("events");
      const listener = new RecordingListener();
      await sides.listen([topic], listener.endpoint);
      for (const priority of PRIORITIES) {
        const event = { event_type: `vm.${priority}`, publisher_id: "compute.host1", payload: PAYLOAD };
        await sides.python.notify({ ...event, priority, driver, topics: [topic] });
      }
      const seen = await listener.sees(PRIORITIES.length);
      expect(seen.map(({ event }) => event.priority).toSorted()).toEqual([...PRIORITIES].toSorted());
      for (const { event } of seen) {
        expect(event).toMatchObject({
          eventType: `vm.${event.priority}`,
          publisherId: "compute.host1",
          payload: PAYLOAD,
        });
        expect(event.messageId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }
    },
  );

  test("our events of all seven priorities arrive in Python", async () => {
    const topic = fresh("events");
    const listener = await sides.python.listen({ targets: [{ topic }] });
    const notifier = sides.ours.notifier({ publisherId: "compute.host1", topics: [topic] });
    const ids: string[] = [];
    for (const priority of PRIORITIES) {
      ids.push((await notifier.emit(priority, `vm.${priority}`, PAYLOAD)).messageId);
    }
    const seen = await listener.sees(PRIORITIES.length);
    expect(seen.map(({ priority }) => priority).toSorted()).toEqual([...PRIORITIES].toSorted());
    expect(seen.map(({ metadata }) => metadata.message_id).toSorted()).toEqual(ids.toSorted());
    for (const event of seen) {
      expect(event).toMatchObject({
        eventType: `vm.${event.priority}`,
        publisherId: "compute.host1",
        payload: PAYLOAD,
        context: { client_timeout: null },
      });
    }
  });

  test("times agree to the millisecond, both ways", async () => {
    const topic = fresh("events");
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint, { pool: fresh("pool") });
    await sides.ours.notifier({ publisherId: "ours", topics: [topic] }).info("tick");
    await sides.python.notify({ priority: "info", event_type: "tick", publisher_id: "python", topics: [topic] });
    const [here, there] = [await ours.sees(2), await theirs.sees(2)];
    for (const { event } of here) {
      const same = there.find(({ metadata }) => metadata.message_id === event.messageId);
      const [date = "", time = ""] = same?.metadata.timestamp.split(" ") ?? [];
      expect(event.timestamp).toBe(`${date}T${time.padEnd(12, ".000").slice(0, 12)}Z`);
      expect(Math.abs(Date.parse(event.timestamp) - Date.now())).toBeLessThan(30_000);
    }
  });

  test("a Python notifier without a publisher is heard here", async () => {
    const topic = fresh("events");
    const listener = new RecordingListener();
    await sides.listen([topic], listener.endpoint);
    await sides.python.notify({ priority: "warn", event_type: "disk.low", topics: [topic] });
    const [seen] = await listener.sees(1);
    expect(seen?.event).toMatchObject({ publisherId: "", eventType: "disk.low", priority: "warn", payload: null });
  });

  test("of the context the same members go along, both ways", async () => {
    const topic = fresh("events");
    const theirs = await sides.python.listen({ targets: [{ topic }] });
    const ours = new RecordingListener();
    await sides.listen([topic], ours.endpoint, { pool: fresh("pool") });
    const listed = { user_id: "u", request_id: "req-1", roles: ["admin"], is_admin: true, project_id: null };
    const context = { ...listed, auth_token: "secret", password: "secret", custom: 1 };
    await sides.ours.notifier({ publisherId: "ours", topics: [topic], context }).info("login");
    await sides.python.notify({ priority: "info", event_type: "login", topics: [topic], context });
    for (const { event } of await ours.sees(2)) expect(event.context).toEqual(listed);
    for (const event of await theirs.sees(2)) expect(event.context).toEqual({ ...listed, client_timeout: null });
  });

  test("a pool's events are shared between its Python and our listener; those without one get all", async () => {
    const topic = fresh("events");
    const pool = fresh("pool");
    const [inPool, alone] = [new RecordingListener(), new RecordingListener()];
    const python = await sides.python.listen({ targets: [{ topic }], priorities: ["info"], pool });
    await sides.listen([topic], { info: inPool.endpoint.info ?? (() => {}) }, { pool });
    await sides.listen([topic], { info: alone.endpoint.info ?? (() => {}) });
    const count = 20;
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    for (let n = 0; n < count; n++) await notifier.info("tick", n);
    await sides.python.notify({ priority: "info", event_type: "tock", payload: 0, topics: [topic], times: count });
    await alone.sees(2 * count);
    await until(() => inPool.seen.length + python.notified().length >= 2 * count, WITHIN);
    const ids = [
      ...inPool.seen.map(({ event }) => event.messageId),
      ...python.notified().map(({ metadata }) => metadata.message_id),
    ];
    expect(ids.toSorted()).toEqual(alone.seen.map(({ event }) => event.messageId).toSorted());
    expect(new Set(ids).size).toBe(2 * count);
    expect(Math.min(inPool.seen.length, python.notified().length)).toBeGreaterThan(count / 4);
  });

  test("what our listener asks for again, Python may get, and the other way round", async () => {
    const topic = fresh("events");
    const pool = fresh("pool");
    const giveBack = new RecordingListener(() => REQUEUE);
    const first = await sides.listen([topic], giveBack.endpoint, { pool, requeueDelayMs: 0, maxAttempts: 1_000 });
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    await notifier.info("again", 1);
    await giveBack.sees(1);
    const python = await sides.python.listen({ targets: [{ topic }], pool, requeues: true });
    await python.sees(1);
    await first.stop();
    expect(python.notified().map(({ payload }) => payload)).toEqual([1]);

    await python.stop();
    const stubborn = await sides.python.listen({ targets: [{ topic }], pool, requeues: true, requeue: 100_000 });
    await notifier.info("again", 2);
    await stubborn.sees(2);
    const taker = new RecordingListener();
    await sides.listen([topic], taker.endpoint, { pool });
    const [taken] = await taker.sees(1);
    expect(taken).toMatchObject({ event: { payload: 2 }, call: { redelivered: true } });
    await stubborn.stop();
    expect(taker.payloads).toEqual([2]);
  });

  test("a batch listener of ours gets Python's events together", async () => {
    const topic = fresh("events");
    const batches: unknown[][] = [];
    await sides.python.notify({ priority: "info", event_type: "tick", payload: "p", topics: [topic], times: 7 });
    const targets = [{ topic }];
    const listener = await sides.ours.listen(
      targets,
      {
        info: (events) => {
          batches.push(events.map(({ payload }) => payload));
        },
      },
      { batch: { size: 5, timeoutMs: 300 } },
    );
    await until(() => batches.flat().length === 7, WITHIN);
    expect(batches).toEqual([Array(5).fill("p"), Array(2).fill("p")]);
    await listener.stop();
  });

  test("a batch listener of Python gets our events together", async () => {
    const topic = fresh("events");
    const notifier = sides.ours.notifier({ publisherId: "ours", topics: [topic] });
    for (let n = 0; n < 7; n++) await notifier.info("tick", n);
    const listener = await sides.python.listen({
      targets: [{ topic }],
      priorities: ["info"],
      batchSize: 5,
      batchTimeout: 0.3,
    });
    await until(() => listener.batches().flatMap(({ messages }) => messages).length === 7, WITHIN);
    const payloads = listener.batches().map(({ messages }) => messages.map(({ payload }) => payload));
    expect(payloads.flat()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(Math.max(...payloads.map(({ length }) => length))).toBe(5);
  });

  test("a listener that comes later gets what was emitted before, both ways", async () => {
    const [toOurs, toPython] = [fresh("events"), fresh("events")];
    await sides.python.notify({ priority: "error", event_type: "early", payload: 1, topics: [toOurs] });
    await sides.ours.notifier({ publisherId: "ours", topics: [toPython] }).error("early", 1);
    const listener = new RecordingListener();
    await sides.listen([toOurs], listener.endpoint);
    const python = await sides.python.listen({ targets: [{ topic: toPython }] });
    expect((await listener.sees(1))[0]?.event).toMatchObject({ eventType: "early", priority: "error", payload: 1 });
    expect((await python.sees(1))[0]).toMatchObject({ eventType: "early", priority: "error", payload: 1 });
  });
});
