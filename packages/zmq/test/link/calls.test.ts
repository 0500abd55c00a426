import { MessageTooLargeError, SerializationError } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { newCall, newKey, request } from "../support/lines.js";
import { readRequestRecords } from "../support/request-records.js";
import { readResponseRecords } from "../support/response-records.js";
import { Session, type SessionOptions, type TestListener } from "../support/session.js";

async function serving(options: SessionOptions = {}): Promise<{ readonly session: Session } & TestListener> {
  const session = new Session(options);
  const listener = session.listen();
  await session.open();
  return { session, ...listener };
}

describe("a call", () => {
  test("arrives as it was sent, and its answer at its caller", async () => {
    const { session, deliveries } = await serving();
    const { line } = session.owner;
    const key = newKey({ namespace: "n", version: "1.2", method: "do" });
    const { call, sink } = newCall(line, undefined, { key, until: 5_000, monitorMs: 250 });
    const context = { user: "u" };
    session.dialed.sendCall(
      session.remote(1),
      call,
      request({ a: [1, 2n] as never }, { context, headers: { h: "x" } }),
    );
    await session.settle();
    const [delivery] = deliveries;
    expect(delivery?.message).toMatchObject({
      kind: "request",
      method: "do",
      namespace: "n",
      version: "1.2",
      params: { a: [1, 2n] },
      context,
      headers: { h: "x" },
    });
    expect(delivery).toMatchObject({ wantsReply: true, until: 5_000, monitorMs: 250, attempt: 1, peer: "dialer" });
    expect(delivery?.to).toEqual({ realm: "", exchange: "default", topic: "t" });
    expect(session.remote(1).inFlight).toBe(1);
    expect(delivery?.take()).toBe(true);
    delivery?.beat();
    delivery?.settle("done", { ok: true, value: { b: null } });
    await session.settle();
    expect(sink.heard).toEqual(["beat", "end"]);
    expect(sink.outcome).toEqual({ ok: true, value: { b: null } });
    expect([session.remote(1).inFlight, session.dialed.isIdle, call.state]).toEqual([0, true, "settled"]);
  });

  test("that fails tells its caller with what", async () => {
    const { session, deliveries } = await serving();
    const { call, sink } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    const failure = { type: "RangeError", module: "m", message: "no", stack: "at", details: { d: 1 } };
    deliveries[0]?.settle("done", { ok: false, failure });
    await session.settle();
    expect(sink.outcome).toEqual({ ok: false, failure });
  });

  test("to one server says so, and a version that is not given stays away", async () => {
    const { session, deliveries } = await serving();
    const { call } = newCall(session.owner.line, {}, { key: newKey({ mode: "server" }) });
    session.owner.line.post(call);
    await session.settle();
    expect(deliveries[0]?.to).toEqual({ realm: "", exchange: "default", topic: "t", server: "s" });
    expect(deliveries[0]?.message).toMatchObject({ namespace: undefined, version: undefined });
  });

  test("names its method once a link, and its route is the same object each time", async () => {
    const { session, deliveries } = await serving();
    const keys = [newKey({ method: "a" }), newKey({ method: "b" })];
    for (const key of [...keys, ...keys]) session.owner.line.post(newCall(session.owner.line, {}, { key }).call);
    await session.settle();
    const routes = session.pair.dialer.arrived
      .slice(1)
      .flatMap((frame) => readRequestRecords(frame))
      .filter(({ type }) => type === "ROUTE");
    expect(routes).toHaveLength(2);
    expect(deliveries.map(({ message }) => message.kind === "request" && message.method)).toEqual(["a", "b", "a", "b"]);
    expect(deliveries[0]?.route).toBe(deliveries[2]?.route);
    expect(deliveries[0]?.route).not.toBe(deliveries[1]?.route);
  });

  test("is answered by its own answer, whatever their order", async () => {
    const { session, deliveries } = await serving();
    const calls = Array.from({ length: 8 }, () => newCall(session.owner.line, {}));
    for (const { call } of calls) session.owner.line.post(call);
    await session.settle();
    for (const index of [5, 0, 7, 3]) deliveries[index]?.settle("done", { ok: true, value: index });
    await session.settle();
    const more = Array.from({ length: 4 }, () => newCall(session.owner.line, {}));
    for (const { call } of more) session.owner.line.post(call);
    await session.settle();
    for (const [index, delivery] of deliveries.entries()) delivery.settle("done", { ok: true, value: index });
    await session.settle();
    expect([...calls, ...more].map(({ sink }) => sink.outcome)).toEqual(
      Array.from({ length: 12 }, (_, value) => ({ ok: true, value })),
    );
  });

  test("has what is left of its time when it is written, and never less than none", async () => {
    const { session, deliveries } = await serving();
    session.clock.advance(1_000);
    for (const until of [1_500.2, 900]) session.owner.line.post(newCall(session.owner.line, {}, { until }).call);
    await session.settle();
    expect(deliveries.map(({ until }) => until)).toEqual([1_501, 1_000]);
  });

  test("that cannot be encoded, or is too large, is refused and leaves no trace", async () => {
    const { session, deliveries } = await serving({ dialerMaxBytes: 1_000 });
    const remote = session.remote(1);
    const bad = newCall(session.owner.line).call;
    expect(() => session.dialed.sendCall(remote, bad, request({ f: (() => {}) as never }))).toThrow(SerializationError);
    for (const bytes of [1_100, 100_000]) {
      const large = newCall(session.owner.line).call;
      const params = { x: "x".repeat(bytes) };
      expect(() => session.dialed.sendCall(remote, large, request(params))).toThrow(MessageTooLargeError);
    }
    expect([remote.tokens, remote.inFlight, session.dialed.isIdle]).toEqual([8, 0, true]);
    const good = newCall(session.owner.line, { ok: 1 }).call;
    session.owner.line.post(good);
    await session.settle();
    expect([deliveries.length, good.slot, good.sequence]).toEqual([1, 0, 1]);
  });
});

describe("a call that is given up", () => {
  test.each(["aborted", "deadline", "closed"] as const)(
    "because it was %s is cancelled at its server, once",
    async (reason) => {
      const { session, deliveries } = await serving();
      const { call, sink } = newCall(session.owner.line, {});
      session.owner.line.post(call);
      await session.settle();
      const heard: string[] = [];
      deliveries[0]?.onCancel((why) => heard.push(why));
      expect(call.cancel(reason)).toBe("sent");
      await session.settle();
      expect([heard, deliveries[0]?.take(), sink.heard]).toEqual([[reason], false, []]);
      expect(session.remote(1).inFlight).toBe(0);
    },
  );

  test("drops its late answer, and counts it, on either side", async () => {
    const { session, deliveries } = await serving();
    const { call, sink } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    // The answer and the cancel pass each other.
    deliveries[0]?.beat();
    deliveries[0]?.settle("done", { ok: true, value: 1 });
    call.cancel("aborted");
    await session.settle();
    expect(sink.heard).toEqual([]);
    expect(session.owner.droppedReasons).toEqual([
      "a beat for a call that is over",
      "an answer that nobody waits for any more",
    ]);
    // The cancel came first.
    const second = newCall(session.owner.line, {});
    session.owner.line.post(second.call);
    await session.settle();
    second.call.cancel("aborted");
    await session.settle();
    deliveries[1]?.beat();
    deliveries[1]?.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect(session.process.droppedReasons).toEqual(["an answer that nobody waits for any more"]);
    expect(session.pair.listener.arrived.slice(1).flatMap((frame) => readResponseRecords(frame))).not.toContainEqual(
      expect.objectContaining({ type: "REPLY", generation: 1 }),
    );
  });

  test("before its server heard of it is told so when it asks", async () => {
    const { session, deliveries } = await serving();
    const { call } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    call.cancel("deadline");
    await session.settle();
    const heard: string[] = [];
    deliveries[0]?.onCancel((why) => heard.push(why));
    expect(heard).toEqual(["deadline"]);
  });

  test("frees its slot at once, for a call of another generation", async () => {
    const { session, deliveries } = await serving();
    const first = newCall(session.owner.line, {});
    session.owner.line.post(first.call);
    await session.settle();
    first.call.cancel("aborted");
    const second = newCall(session.owner.line, {});
    session.owner.line.post(second.call);
    await session.settle();
    expect([second.call.slot, second.call.generation]).toEqual([first.call.slot, first.call.generation + 1]);
    deliveries[0]?.settle("done", { ok: true, value: "late" });
    deliveries[1]?.settle("done", { ok: true, value: "right" });
    await session.settle();
    expect([first.sink.heard, second.sink.outcome]).toEqual([[], { ok: true, value: "right" }]);
  });
});

test("an answer that cannot travel throws, leaves no trace, and another can be given", async () => {
  const { session, deliveries } = await serving({ dialerMaxBytes: 1_000 });
  const { call, sink } = newCall(session.owner.line, {});
  session.owner.line.post(call);
  await session.settle();
  const [delivery] = deliveries;
  expect(() => delivery?.settle("done", { ok: true, value: (() => {}) as never })).toThrow(SerializationError);
  for (const bytes of [1_100, 100_000]) {
    expect(() => delivery?.settle("done", { ok: true, value: "x".repeat(bytes) })).toThrow(MessageTooLargeError);
  }
  delivery?.settle("done", { ok: false, failure: { type: "E", message: "m" } });
  delivery?.settle("done", { ok: true, value: "twice" });
  await session.settle();
  expect([sink.heard, sink.outcome?.ok]).toEqual([["end"], false]);
});

test("streaming is refused", async () => {
  const { session, deliveries } = await serving();
  session.owner.line.post(newCall(session.owner.line, {}).call);
  await session.settle();
  await expect(deliveries[0]?.item(1)).rejects.toMatchObject({ code: "ERR_NOT_SUPPORTED", capability: "streaming" });
});
