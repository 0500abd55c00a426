import { AbortError, type Outcome, SerializationError, UnreachableError } from "@trunkline/core/driver";
import { ManualClock, until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { opening } from "./support/opened.js";
import { type Consumer, numberOf, type Peer, paramsOf, request, uniqueBus } from "./support/seam.js";

const { open } = opening();

async function pair(): Promise<{ client: Peer; server: Peer }> {
  const bus = uniqueBus();
  return { client: await open(bus), server: await open(bus) };
}

describe("calls", () => {
  test("a call gets its result, through bytes", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const params = {
      n: 1,
      bytes: new Uint8Array([0, 255]),
      big: 2n ** 70n,
      when: new Date(5),
      deep: { list: [1, "é", null] },
    };
    const call = client.call(
      client.to("compute"),
      request(1, {
        params,
        namespace: "admin",
        version: "1.3",
        context: { user: "ada" },
        headers: { traceparent: "00" },
      }),
    );
    params.deep.list.push("later");
    const delivery = await until(() => consumer.deliveries[0]);
    expect(delivery.message).toMatchObject({
      kind: "request",
      method: "do",
      namespace: "admin",
      version: "1.3",
      context: { user: "ada" },
      headers: { traceparent: "00" },
      params: { bytes: new Uint8Array([0, 255]), big: 2n ** 70n, when: new Date(5), deep: { list: [1, "é", null] } },
    });
    expect(delivery).toMatchObject({ wantsReply: true, attempt: 1, redelivered: false, peer: "fake-1" });
    expect(delivery.until).toBeGreaterThan(client.now() + 59_000);
    const result = { list: [1] };
    expect(delivery.take()).toBe(true);
    delivery.settle("done", { ok: true, value: result });
    result.list.push(2);
    expect(await call.done).toEqual({ ok: true, value: { list: [1] } });
    expect(call.peers).toEqual(["fake-2"]);
  });

  test("a failure travels as data", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1));
    const delivery = await until(() => consumer.deliveries[0]);
    const failure = { type: "RangeError", message: "too far", stack: "at x", details: { by: 3n } };
    delivery.settle("done", { ok: false, failure });
    expect(await call.done).toEqual({ ok: false, failure });
  });

  test("replies in any order find their own calls (B9)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1", { credit: 100 });
    const calls = Array.from({ length: 50 }, (_, n) => client.call(client.to("compute"), request(n)));
    await until(() => consumer.deliveries.length === 50);
    for (const delivery of [...consumer.deliveries].reverse()) {
      delivery.take();
      delivery.settle("done", { ok: true, value: Number(numberOf(delivery.message)) * 2 });
    }
    const results = await Promise.all(calls.map((call) => call.done));
    expect(results).toEqual(calls.map((_, n) => ({ ok: true, value: n * 2 })));
  });

  test("an outcome that cannot travel throws at settle, and the delivery is still there to settle (D3)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1));
    const delivery = await until(() => consumer.deliveries[0]);
    const bad = { ok: true, value: { f: () => 1 } } as unknown as Outcome;
    expect(() => delivery.settle("done", bad)).toThrow(SerializationError);
    delivery.settle("done", { ok: true, value: "instead" });
    expect(await call.done).toEqual({ ok: true, value: "instead" });
  });

  test("bad params and too large ones are refused at the sender, after call has returned (D2, D4)", async () => {
    const bus = uniqueBus();
    const client = await open(bus, { options: { maxMessageBytes: 1_000 } });
    const server = await open(bus, { options: { maxMessageBytes: 1_000 } });
    const consumer = await server.serve("compute", "host1", { answers: true });
    const params = { a: { b: Number.NaN } };
    const bad = client.call(client.to("compute"), request(1, { params }));
    expect(bad.ends).toBe(0);
    expect(await bad.done).toMatchObject({
      error: { code: "ERR_SERIALIZATION", path: "params.a.b" },
      mayHaveRun: false,
    });
    const large = client.cast(client.to("compute"), request("x".repeat(2_000)));
    await expect(large).rejects.toMatchObject({ code: "ERR_MESSAGE_TOO_LARGE", maxMessageBytes: 1_000 });
    await expect(client.cast(client.to("compute"), request("x".repeat(1_000_000)))).rejects.toMatchObject({
      code: "ERR_MESSAGE_TOO_LARGE",
    });
    expect(await client.call(client.to("compute"), request(2)).done).toMatchObject({ ok: true });
    expect(consumer.numbers).toEqual([2]);
    expect(client.driver.capabilities.maxMessageBytes).toBe(1_000);
  });

  test("beats reach the caller (B8)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1), { monitorMs: 500 });
    const delivery = await until(() => consumer.deliveries[0]);
    expect(delivery.monitorMs).toBe(500);
    delivery.beat();
    delivery.beat();
    await until(() => call.beats === 2);
    delivery.settle("done", { ok: true, value: 1 });
    delivery.beat();
    await call.done;
    expect(call.beats).toBe(2);
  });

  test("streaming is refused, both ways", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const stream = client.call(client.to("compute"), request(1), { stream: { credit: 1 } });
    expect(await stream.done).toMatchObject({
      error: { code: "ERR_NOT_SUPPORTED", capability: "streaming" },
      mayHaveRun: false,
    });
    client.call(client.to("compute"), request(2));
    const delivery = await until(() => consumer.deliveries[0]);
    await expect(delivery.item(1)).rejects.toMatchObject({ capability: "streaming" });
  });
});

describe("cancellation (B7)", () => {
  test("reaches the handler; the reply that comes all the same is dropped and counted (B9)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1));
    const delivery = await until(() => consumer.deliveries[0]);
    delivery.take();
    const reasons: string[] = [];
    delivery.onCancel((reason) => reasons.push(reason));
    expect(call.handle.cancel("aborted")).toBe("sent");
    await until(() => reasons.length === 1);
    expect(reasons).toEqual(["aborted"]);
    delivery.settle("done", { ok: true, value: 1 });
    await until(() => client.heard.dropped.length === 1);
    expect(client.driver.stats().counters["lateReplies"]).toBe(1);
    expect(call.ends).toBe(0);
  });

  test("before dispatch: the delivery cannot be taken, and whoever asks later is told at once", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1));
    const delivery = await until(() => consumer.deliveries[0]);
    call.handle.cancel("deadline");
    // What is sent afterwards comes behind the cancellation.
    await client.cast(client.to("compute"), request("fence"));
    await until(() => consumer.deliveries.length === 2);
    expect(delivery.take()).toBe(false);
    let heard = "";
    delivery.onCancel((reason) => {
      heard = reason;
    });
    expect(heard).toBe("deadline");
    delivery.settle("reject");
  });

  test("a caller that closes cancels what it asked for", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("compute", "host1");
    const call = client.call(client.to("compute"), request(1));
    const delivery = await until(() => consumer.deliveries[0]);
    delivery.take();
    let heard = "";
    delivery.onCancel((reason) => {
      heard = reason;
    });
    await client.close();
    expect(await call.done).toMatchObject({ error: { code: "ERR_CLOSED" }, mayHaveRun: true });
    await until(() => heard !== "");
  });
});

describe("addresses", () => {
  test("names are whole: no prefix, pattern or case is another (A5)", async () => {
    const { client, server } = await pair();
    const topics = ["a", "ab", "a.b", "a.*", "a#", "a.>", "A", "a/b", "a b", "ä", '["a"]', 'a","b', "a".repeat(200)];
    const consumers = await Promise.all(topics.map((topic) => server.serve(topic, "s", { answers: true })));
    for (const topic of topics) await client.call(client.to(topic), request(topic)).done;
    expect(consumers.map((consumer) => consumer.numbers)).toEqual(topics.map((topic) => [topic]));
  });

  test("exchanges and realms stay apart, and so do buses (A5)", async () => {
    const bus = uniqueBus();
    const manual = { clock: new ManualClock() };
    const a = await open(bus, { realm: "x", ...manual });
    const b = await open(bus, { realm: "x1", ...manual });
    const elsewhere = await open(uniqueBus(), { realm: "x", ...manual });
    const inDefault = await a.serve("t", "s", { answers: true });
    const inOther = await a.serve("t", "s", { answers: true, exchange: "other" });
    await a.call(a.to("t"), request("default")).done;
    await a.call(a.to("t", undefined, "other"), request("other")).done;
    const strangers = [b.call(b.to("t"), request("b")), elsewhere.call(elsewhere.to("t"), request("c"))];
    await manual.clock.tick(1_000);
    for (const call of strangers) expect(await call.done).toMatchObject({ error: { code: "ERR_UNREACHABLE" } });
    expect([inDefault.numbers, inOther.numbers]).toEqual([["default"], ["other"]]);
  });

  test("a directed message reaches that server only (A3); it takes part in the undirected ones as well", async () => {
    const { client, server } = await pair();
    const servers = new Map<string, Consumer>();
    for (const name of ["s", "s1", "s10", "s1.x"]) servers.set(name, await server.serve("t", name, { answers: true }));
    for (let n = 0; n < 50; n += 1) await client.call(client.to("t", "s1"), request(n)).done;
    expect([...servers.values()].map((consumer) => consumer.deliveries.length)).toEqual([0, 50, 0, 0]);
    expect(servers.get("s1")?.at(0).to).toMatchObject({ topic: "t", server: "s1", exchange: "default" });
    for (let n = 0; n < 200; n += 1) await client.call(client.to("t"), request(n)).done;
    expect(servers.get("s1")?.deliveries.length).toBeGreaterThan(50);
  });

  test.each([1, 32])("equal load spreads, with %i in flight (A2)", async (inFlight) => {
    const { client, server } = await pair();
    const consumers = await Promise.all(["a", "b", "c", "d"].map((name) => server.serve("t", name, { answers: true })));
    for (let n = 0; n < 400; n += inFlight) {
      await Promise.all(Array.from({ length: inFlight }, () => client.call(client.to("t"), request(n)).done));
    }
    for (const { deliveries } of consumers) expect(deliveries.length).toBeGreaterThanOrEqual(10);
  });

  test("a slow server gets less (two choices)", async () => {
    const { client, server } = await pair();
    const slow = await server.serve("t", "slow", { credit: 1_000 });
    const quick = await server.serve("t", "quick", { credit: 1_000, answers: true });
    await client.call(client.to("t", "quick"), request("both are there")).done;
    for (let n = 0; n < 200; n += 1) await client.cast(client.to("t"), request(n));
    expect(slow.deliveries.length).toBeLessThan(quick.deliveries.length / 4);
  });

  test("two servers of one name compete as one address (A6)", async () => {
    const { client, server } = await pair();
    const one = await server.serve("t", "same", { answers: true });
    const two = await server.serve("t", "same", { answers: true });
    for (let n = 0; n < 100; n += 1) await client.call(client.to("t", "same"), request(n)).done;
    expect(one.deliveries.length + two.deliveries.length).toBe(100);
    expect(Math.min(one.deliveries.length, two.deliveries.length)).toBeGreaterThan(4);
  });

  test("rpc and events on one topic are two streams (A8)", async () => {
    const { client, server } = await pair();
    const listener = await server.events("t", { answers: true });
    const clock = new ManualClock();
    const other = await open(uniqueBus(), { clock });
    const lone = other.call(other.to("t"), request(1));
    const rpc = await server.serve("t", "s", { answers: true });
    await client.call(client.to("t"), request(1)).done;
    await clock.tick(1_000);
    await lone.done;
    expect([rpc.numbers, listener.numbers]).toEqual([[1], []]);
  });
});

describe("nobody there (A7)", () => {
  test("calls and casts wait for a listener up to discoveryMs, and then are unreachable", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const client = await open(bus, { clock, options: { discoveryMs: 300 } });
    const server = await open(bus, { clock });
    await server.serve("t", "other");
    const call = client.call(client.to("nobody"), request(1));
    const cast = client.cast(client.to("t", "missing"), request(2));
    let isOver = false;
    cast.catch(() => {
      isOver = true;
    });
    await clock.tick(299);
    expect([call.ends, isOver]).toEqual([0, false]);
    await clock.tick(1);
    expect(await call.done).toMatchObject({ error: { code: "ERR_UNREACHABLE", retryable: true }, mayHaveRun: false });
    await expect(cast).rejects.toBeInstanceOf(UnreachableError);
  });

  test("start-up order does not matter", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const client = await open(bus, { clock });
    const call = client.call(client.to("t", "late"), request(1));
    const cast = client.cast(client.to("t"), request(2));
    await clock.tick(900);
    const server = await open(bus, { clock });
    const consumer = await server.serve("t", "late", { answers: true });
    await clock.tick(0);
    expect(await call.done).toMatchObject({ ok: true });
    expect(await cast).toEqual({ accepted: 1, lost: 0 });
    await clock.tick(5_000);
    expect(consumer.numbers.sort()).toEqual([1, 2]);
    expect(clock.timers).toBe(0);
  });

  test("giving up says what was in the way", async () => {
    const { client, server } = await pair();
    const nobody = client.call(client.to("nobody"), request(1));
    const sent = client.send(client.to("nobody"), request(1));
    const busy = await server.serve("t", "busy", { credit: 1 });
    const first = client.call(client.to("t"), request(1));
    await until(() => busy.deliveries.length === 1);
    const second = client.call(client.to("t"), request(2));
    await until(() => client.driver.stats().gauges["bus.waiting"] === 3);
    expect(nobody.handle.cancel("deadline")).toBe("no-listener");
    expect(second.handle.cancel("deadline")).toBe("no-credit");
    expect(first.handle.cancel("deadline")).toBe("sent");
    const states: string[] = [];
    sent.cancel((state) => {
      states.push(state);
      return new AbortError("given up");
    });
    await expect(sent.receipt).rejects.toBeInstanceOf(AbortError);
    expect(states).toEqual(["no-listener"]);
    expect(client.driver.stats().gauges).toMatchObject({ "bus.waiting": 0, unanswered: 0 });
    busy.at(0).settle("done");
    expect(busy.numbers).toEqual([1]);
  });
});

describe("fanout (A4)", () => {
  test("reaches each server once, and says how many", async () => {
    const { client, server } = await pair();
    const consumers = await Promise.all(["a", "b", "c"].map((name) => server.serve("t", name, { answers: true })));
    const stranger = await server.serve("tt", "a", { answers: true });
    const receipt = await client.cast({ ...client.to("t"), fanout: true }, request(7));
    expect(receipt).toEqual({ accepted: 3, lost: 0 });
    await until(() => consumers.every((consumer) => consumer.deliveries.length === 1));
    expect(consumers.map(({ numbers }) => numbers)).toEqual([[7], [7], [7]]);
    expect(consumers[0]?.at(0)).toMatchObject({ wantsReply: false, to: { fanout: true, topic: "t" } });
    expect(stranger.deliveries).toEqual([]);
  });

  test("each receiver has a message of its own (D2)", async () => {
    const { client, server } = await pair();
    const a = await server.serve("t", "a");
    const b = await server.serve("t", "b");
    const params = { n: 1, bytes: new Uint8Array([1, 2, 3]), list: [1] };
    await client.cast({ ...client.to("t"), fanout: true }, request(1, { params }));
    await until(() => a.deliveries.length + b.deliveries.length === 2);
    const got = paramsOf(a.at(0)) as typeof params;
    got.bytes.fill(9);
    got.list.push(9);
    expect(paramsOf(b.at(0))).toEqual(params);
  });

  test("waits for a busy server alone, and counts as waiting", async () => {
    const { client, server } = await pair();
    const busy = await server.serve("t", "busy", { credit: 1 });
    const free = await server.serve("t", "free", { answers: true });
    for (const n of [1, 2, 3]) await client.cast({ ...client.to("t"), fanout: true }, request(n));
    await until(() => free.deliveries.length === 3 && busy.deliveries.length === 1);
    expect(client.driver.stats().gauges["bus.waiting"]).toBe(2);
    busy.at(0).settle("done");
    await until(() => busy.deliveries.length === 2);
    await busy.listener.close();
    expect(client.driver.stats().gauges["bus.waiting"]).toBe(0);
    // The one that it had not begun, and the one behind: nobody else can be given them.
    await until(() => client.heard.castsLost.length > 0);
    expect(client.heard.castsLost.reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  test("to nobody succeeds", async () => {
    const { client } = await pair();
    expect(await client.cast({ ...client.to("t"), fanout: true }, request(1))).toEqual({ accepted: 0, lost: 0 });
  });

  test("a server that left gets none, then or later", async () => {
    const { client, server } = await pair();
    const leaver = await server.serve("t", "leaver", { answers: true });
    const stayer = await server.serve("t", "stayer", { answers: true });
    await leaver.listener.stop();
    expect(await client.cast({ ...client.to("t"), fanout: true }, request(1))).toEqual({ accepted: 1, lost: 0 });
    const again = await server.serve("t", "leaver", { answers: true });
    await client.cast({ ...client.to("t"), fanout: true }, request(2));
    await until(() => stayer.deliveries.length === 2 && again.deliveries.length === 1);
    expect([leaver.numbers, stayer.numbers, again.numbers]).toEqual([[], [1, 2], [2]]);
  });
});

describe("order and duplicates", () => {
  test("casts to one target arrive in the order sent (B11)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("t", "s", { credit: 3, answers: true });
    const receipts = Array.from({ length: 500 }, (_, n) => client.cast(client.to("t"), request(n)));
    await Promise.all(receipts);
    await until(() => consumer.deliveries.length === 500);
    expect(consumer.numbers).toEqual(receipts.map((_, n) => n));
  });

  test("an id that came before is not dispatched again; its caller learns that it may have run (B10)", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("t", "s", { answers: true });
    const twice = request(1);
    expect(await client.call(client.to("t"), twice).done).toMatchObject({ ok: true });
    expect(await client.call(client.to("t"), twice).done).toMatchObject({
      error: { code: "ERR_CONNECTION_LOST" },
      mayHaveRun: true,
    });
    expect(server.driver.stats().counters["duplicates"]).toBe(1);
    expect(server.heard.dropped).toHaveLength(1);
    expect(consumer.deliveries).toHaveLength(2);
  });
});
