import { TimeoutError } from "@trunkline/core/driver";
import { ManualClock, until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { opening } from "./support/opened.js";
import { event, type Peer, uniqueBus } from "./support/seam.js";

const { open } = opening();

async function pair(): Promise<{ emitter: Peer; listener: Peer }> {
  const bus = uniqueBus();
  return { emitter: await open(bus), listener: await open(bus) };
}

describe("pools (C3)", () => {
  test("each pool gets every event; its members share", async () => {
    const { emitter, listener } = await pair();
    const p1 = await listener.events("n", { pool: "p", answers: true });
    const p2 = await listener.events("n", { pool: "p", answers: true });
    const q = await listener.events("n", { pool: "p1", answers: true });
    const none1 = await listener.events("n", { answers: true });
    const none2 = await listener.events("n", { answers: true });
    const receipts = [];
    for (let n = 0; n < 100; n += 1) receipts.push(await emitter.cast(emitter.to("n"), event(n)));
    expect(new Set(receipts.map(({ accepted }) => accepted))).toEqual(new Set([3]));
    await until(() => q.deliveries.length === 100);
    const all = receipts.map((_, n) => n);
    const sorted = (...parts: { numbers: unknown[] }[]): unknown[] =>
      parts.flatMap(({ numbers }) => numbers).sort((a, b) => Number(a) - Number(b));
    expect(q.numbers).toEqual(all);
    expect(sorted(p1, p2)).toEqual(all);
    expect(sorted(none1, none2)).toEqual(all);
    expect(Math.min(p1.deliveries.length, none2.deliveries.length)).toBeGreaterThan(5);
  });

  test("each priority is a stream of its own (C2)", async () => {
    const { emitter, listener } = await pair();
    const errors = await listener.events("n", { pool: "p", priorities: ["error", "critical"], answers: true });
    const infos = await listener.events("n", { pool: "p", priorities: ["info"], answers: true });
    for (const priority of ["info", "error", "audit", "critical"] as const) {
      const { accepted } = await emitter.cast(emitter.to("n"), event(priority, { priority }));
      expect(accepted).toBe(priority === "audit" ? 0 : 1);
    }
    await until(() => errors.deliveries.length === 2);
    expect([errors.numbers, infos.numbers]).toEqual([["error", "critical"], ["info"]]);
    expect(errors.at(0).message).toMatchObject({
      publisherId: "tests",
      eventType: "test.event",
      timestamp: "2024-01-02T03:04:05.678Z",
    });
  });
});

describe("what waits (C8)", () => {
  test("events for a pool that is away wait for it, and for no other", async () => {
    const { emitter, listener } = await pair();
    const pool = await listener.events("n", { pool: "billing", answers: true });
    await pool.listener.close();
    for (let n = 0; n < 5; n += 1) expect((await emitter.cast(emitter.to("n"), event(n))).accepted).toBe(1);
    const other = await listener.events("n", { pool: "other", answers: true });
    const back = await listener.events("n", { pool: "billing", answers: true });
    await until(() => back.deliveries.length === 5);
    expect(back.numbers).toEqual([0, 1, 2, 3, 4]);
    expect(other.numbers).toEqual([]);
  });

  test("also while no transport is there at all", async () => {
    const { emitter, listener } = await pair();
    const pool = await listener.events("n", { pool: "p" });
    await pool.listener.close();
    const bus = emitter.driver.stats().links[0]?.["bus"];
    await emitter.cast(emitter.to("n"), event(1));
    await Promise.all([emitter.close(), listener.close()]);
    const later = await open(String(bus));
    const back = await later.events("n", { pool: "p", answers: true });
    await until(() => back.deliveries.length === 1);
  });

  test("bounded: past the bound the emitter is held to its deadline, past twice the bound refused at once (B13)", async () => {
    const bus = uniqueBus();
    const emitter = await open(bus, { options: { queueMessages: 3 } });
    const listener = await open(bus);
    await (await listener.events("n", { pool: "p" })).listener.close();
    const sends = Array.from({ length: 7 }, (_, n) => emitter.send(emitter.to("n"), event(n)));
    await expect(sends[6]?.receipt).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
    expect(await Promise.all(sends.slice(0, 3).map(({ receipt }) => receipt))).toHaveLength(3);
    const states: string[] = [];
    sends[3]?.cancel((state) => {
      states.push(state);
      return new TimeoutError("late");
    });
    await expect(sends[3]?.receipt).rejects.toBeInstanceOf(TimeoutError);
    expect(states).toEqual(["no-credit"]);
    const back = await listener.events("n", { pool: "p", answers: true });
    await Promise.all([sends[4]?.receipt, sends[5]?.receipt]);
    await until(() => back.deliveries.length === 5);
    expect(back.numbers).toEqual([0, 1, 2, 4, 5]);
  });
});

describe("verdicts (C4)", () => {
  test("requeue gives an event back to its pool, behind what waits, as the next attempt", async () => {
    const { emitter, listener } = await pair();
    const p = await listener.events("n", { pool: "p", credit: 1 });
    const q = await listener.events("n", { pool: "q", answers: true });
    const first = event(1);
    await emitter.cast(emitter.to("n"), first);
    await emitter.cast(emitter.to("n"), event(2));
    await until(() => p.deliveries.length === 1);
    expect(p.at(0).take()).toBe(true);
    p.at(0).settle("requeue");
    await until(() => p.deliveries.length === 2);
    p.at(1).settle("done");
    await until(() => p.deliveries.length === 3);
    expect(p.numbers).toEqual([1, 2, 1]);
    expect(p.at(2)).toMatchObject({ attempt: 2, redelivered: true, message: { id: first.id } });
    expect(p.at(2).take()).toBe(true);
    expect(q.numbers).toEqual([1, 2]);
  });

  test("requeue after a delay, on the host's clock", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const emitter = await open(bus, { clock });
    const listener = await open(bus, { clock });
    const consumer = await listener.events("n");
    await emitter.cast(emitter.to("n"), event(1));
    await clock.tick();
    consumer.at(0).settle("requeue", undefined, { delayMs: 500 });
    await clock.tick(499);
    expect(consumer.deliveries).toHaveLength(1);
    await clock.tick(1);
    expect(consumer.deliveries).toHaveLength(2);
  });

  test("a requeue that waits outlives its listener's transport", async () => {
    const bus = uniqueBus();
    const clock = new ManualClock();
    const emitter = await open(bus, { clock });
    const listener = await open(bus, { clock });
    const consumer = await listener.events("n", { pool: "p" });
    await emitter.cast(emitter.to("n"), event(1));
    await clock.tick();
    consumer.at(0).settle("requeue", undefined, { delayMs: 500 });
    await clock.tick(100);
    await listener.close();
    const back = await emitter.events("n", { pool: "p" });
    await clock.tick(399);
    expect(back.deliveries).toHaveLength(0);
    await clock.tick(1);
    expect(back.deliveries).toHaveLength(1);
    expect(back.at(0).attempt).toBe(2);
  });

  test("a rejected event is gone", async () => {
    const { emitter, listener } = await pair();
    const consumer = await listener.events("n", { credit: 1 });
    await emitter.cast(emitter.to("n"), event(1));
    await until(() => consumer.deliveries.length === 1);
    consumer.at(0).settle("reject");
    await emitter.cast(emitter.to("n"), event(2));
    await until(() => consumer.deliveries.length === 2);
    expect(consumer.numbers).toEqual([1, 2]);
    expect(listener.driver.stats().counters["bus.rejected"]).toBe(1);
  });

  test("a verdict counts once, and never for another message", async () => {
    const { emitter, listener } = await pair();
    const consumer = await listener.events("n", { credit: 1 });
    for (let n = 0; n < 3; n += 1) await emitter.cast(emitter.to("n"), event(n));
    await until(() => consumer.deliveries.length === 1);
    consumer.at(0).settle("done");
    consumer.at(0).settle("requeue");
    consumer.at(0).settle("done");
    await until(() => consumer.deliveries.length === 2);
    await emitter.cast(emitter.to("elsewhere"), event("fence"));
    expect(consumer.numbers).toEqual([0, 1]);
  });
});

describe("redelivery (C4)", () => {
  test("what a listener held when its transport closed goes to another, in order, marked", async () => {
    const { emitter, listener } = await pair();
    const dying = await listener.events("n", { pool: "p", credit: 3 });
    for (let n = 0; n < 5; n += 1) await emitter.cast(emitter.to("n"), event(n));
    await until(() => dying.deliveries.length === 3);
    dying.at(0).take();
    dying.at(0).settle("done");
    dying.at(1).take();
    await until(() => dying.deliveries.length === 4);
    await listener.close();
    dying.at(1).settle("done");
    const heir = await emitter.events("n", { pool: "p", answers: true });
    await until(() => heir.deliveries.length === 4);
    expect(heir.numbers).toEqual([1, 2, 3, 4]);
    expect(heir.deliveries.map(({ redelivered }) => redelivered)).toEqual([true, false, false, false]);
  });

  test("on-take: what was taken is not given to another, and is reported lost", async () => {
    const { emitter, listener } = await pair();
    const dying = await listener.events("n", { pool: "p", acknowledge: "on-take" });
    await emitter.cast(emitter.to("n"), event(1));
    await emitter.cast(emitter.to("n"), event(2));
    await until(() => dying.deliveries.length === 2);
    dying.at(0).take();
    await listener.close();
    const heir = await emitter.events("n", { pool: "p", answers: true });
    await until(() => heir.deliveries.length === 1);
    expect(heir.numbers).toEqual([2]);
    await until(() => emitter.heard.castsLost.length === 1);
    expect(emitter.heard.castsLost).toEqual([{ count: 1, peer: "fake-2" }]);
  });

  test("a stopping listener settles what it holds, and hands back what it did not begin", async () => {
    const { emitter, listener } = await pair();
    const leaving = await listener.events("n", { pool: "p", credit: 2 });
    const sent = Array.from({ length: 4 }, (_, n) => emitter.cast(emitter.to("n"), event(n)));
    await Promise.all(sent);
    await until(() => leaving.deliveries.length === 2);
    leaving.at(0).take();
    await leaving.listener.stop();
    leaving.at(0).settle("done");
    await leaving.listener.close();
    expect(await leaving.listener.closed).toBeUndefined();
    const heir = await listener.events("n", { pool: "p", answers: true });
    await until(() => heir.deliveries.length === 3);
    expect(heir.numbers).toEqual([1, 2, 3]);
    expect(leaving.deliveries).toHaveLength(2);
  });
});
