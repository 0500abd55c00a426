import { NoSuchMethodError, type ServerCall, TimeoutError } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { enveloped, publish, tap } from "./support/by-hand.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

/** A handler's work that takes so long. */
function takes(ms: number): { work(params: object, call: ServerCall): Promise<string> } {
  return {
    async work() {
      const begun = performance.now();
      await until(() => performance.now() - begun >= ms, { withinMs: ms + 10_000 });
      return "worked";
    },
  };
}

interop("time between the two", { timeout: 60_000 }, () => {
  test.each([2_000, 2_500, 3_900])(
    "our call with monitorMs %i outlives it at a Python server that works",
    async (monitorMs) => {
      const topic = fresh("monitored");
      await sides.python.serve({ topic, server: "s" });
      const call = sides.ours.client({ topic }).call("work", { seconds: 4 }, { monitorMs, timeoutMs: 20_000 });
      expect(await call).toBe("worked");
    },
  );

  test.each([1, 2, 2.5, 3])(
    "Python's call with call_monitor_timeout %d outlives it at our server that works",
    async (monitor) => {
      const topic = fresh("monitored");
      await sides.serve({ topic, server: "s" }, takes(4_000));
      expect(await sides.python.call({ topic }, "work", {}, { monitor, timeout: 20 })).toBe("worked");
    },
  );

  test("our monitorMs below a second is too short for a Python server, which beats once a second at the most", async () => {
    const topic = fresh("monitored");
    await sides.python.serve({ topic, server: "s" });
    const call = sides.ours.client({ topic }).call("work", { seconds: 2 }, { monitorMs: 500 });
    await expect(call).rejects.toBeInstanceOf(TimeoutError);
  });

  test("the deadline ends our monitored call all the same", async () => {
    const topic = fresh("monitored");
    await sides.python.serve({ topic, server: "s" });
    const begun = performance.now();
    const call = sides.ours.client({ topic }).call("work", { seconds: 4 }, { monitorMs: 2_000, timeoutMs: 2_500 });
    await expect(call).rejects.toBeInstanceOf(TimeoutError);
    expect(performance.now() - begun).toBeGreaterThan(2_400);
  });

  test("the deadline ends Python's monitored call all the same", async () => {
    const topic = fresh("monitored");
    await sides.serve({ topic, server: "s" }, takes(4_000));
    const begun = performance.now();
    const call = sides.python.call({ topic }, "work", {}, { monitor: 2, timeout: 3 });
    expect(await sides.python.raises(call)).toMatchObject({ type: "MessagingTimeout" });
    expect(performance.now() - begun).toBeGreaterThan(2_900);
  });

  test("a monitored call of Python that nobody serves fails within the monitor time", async () => {
    const topic = fresh("monitored");
    const server = await sides.ours.serve({ topic, server: "s" }, new RecordingEndpoint());
    await server.stop();
    const begun = performance.now();
    const call = sides.python.call({ topic }, "echo", {}, { monitor: 2, timeout: 30 });
    expect(await sides.python.raises(call)).toMatchObject({ type: "MessagingTimeout" });
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("a monitored call of ours to a killed Python server fails within the monitor time", async () => {
    const topic = fresh("monitored");
    const peer = await sides.startPeer();
    const python = await sides.openPython({}, peer);
    const server = await python.serve({ topic, server: "s" });
    const call = sides.ours.client({ topic }).call("work", { seconds: 30 }, { monitorMs: 3_000, timeoutMs: 60_000 });
    const ended = expect(call).rejects.toMatchObject({
      constructor: TimeoutError,
      message: expect.stringContaining("3000"),
    });
    await server.sees(1, "work");
    const begun = performance.now();
    await peer.kill();
    await ended;
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("beats that follow a Python server's refusal, which its release never ends, are dropped", async () => {
    const topic = fresh("monitored");
    await sides.python.serve({ topic, server: "s" });
    const transport = await sides.open();
    const client = transport.client({ topic }, { monitorMs: 2_000 });
    await expect(client.call("nothing")).rejects.toBeInstanceOf(NoSuchMethodError);
    // Meanwhile two of them come, each a second after the last.
    expect(await client.call("work", { seconds: 2.5 }, { timeoutMs: 20_000 })).toBe("worked");
    expect(await client.call("echo", { value: 1 })).toBe(1);
    expect(transport.stats().gauges["calls.unanswered"]).toBe(0);
  });

  test("our server's beats end with its refusal", async () => {
    const topic = fresh("monitored");
    await sides.serve({ topic, server: "s" }, new RecordingEndpoint());
    // As Python would, with a reply queue that can be looked into.
    const replies = await tap(sides);
    const inner = { method: "nothing", args: {}, _msg_id: "m1", _reply_q: replies.queue, _timeout: 2 };
    await publish(sides, topic, enveloped(inner));
    const reply = await replies.next();
    expect(reply.body).toContain("NoSuchMethod");
    // Two beats' time, spent with something else.
    const other = fresh("other");
    await sides.python.serve({ topic: other, server: "s" });
    expect(await sides.ours.client({ topic: other }).call("work", { seconds: 2.5 })).toBe("worked");
    expect(await replies.take()).toBeNull();
  });

  test("our handler sees what is left of Python's timeout, and its signal fires then", async () => {
    const topic = fresh("deadline");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint);
    const call = sides.python.call({ topic }, "hold", { key: "k" }, { timeout: 2 });
    const raised = sides.python.raises(call);
    const [handled] = await endpoint.sees(1, "hold");
    expect(handled?.call.remainingMs).toBeGreaterThan(0);
    expect(handled?.call.remainingMs).toBeLessThanOrEqual(2_000);
    expect(handled?.call.signal.aborted).toBe(false);
    await until(() => handled?.call.signal.aborted, WITHIN);
    expect(await raised).toMatchObject({ type: "MessagingTimeout" });
    endpoint.release("k");
  });

  test.each([0.5, 1.5])("a timeout of Python of %d seconds holds", async (timeout) => {
    const topic = fresh("deadline");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint);
    const begun = performance.now();
    const call = sides.python.call({ topic }, "hold", { key: "k" }, { timeout });
    expect(await sides.python.raises(call)).toMatchObject({ type: "MessagingTimeout" });
    expect(performance.now() - begun).toBeGreaterThan(timeout * 1_000 - 50);
    endpoint.release("k");
  });

  test("Python's request that expired in the queue is not run here", async () => {
    const topic = fresh("expired");
    await (await sides.ours.serve({ topic, server: "s" }, new RecordingEndpoint())).stop();
    const call = sides.python.call({ topic }, "echo", { value: "late" }, { timeout: 1 });
    expect(await sides.python.raises(call)).toMatchObject({ type: "MessagingTimeout" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint);
    await sides.python.call({ topic }, "echo", { value: "in time" });
    expect(endpoint.handled("echo").map(({ params }) => params["value"])).toEqual(["in time"]);
  });

  test("Python's request that expired in our hands is not run", async () => {
    const topic = fresh("expired");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint, { concurrency: 1, credit: 10 });
    const held = sides.python.call({ topic }, "hold", { key: "k" });
    await endpoint.sees(1, "hold");
    const late = sides.python.call({ topic }, "echo", { value: "late" }, { timeout: 1 });
    expect(await sides.python.raises(late)).toMatchObject({ type: "MessagingTimeout" });
    endpoint.release("k");
    expect(await held).toBe("k");
    await sides.python.call({ topic }, "echo", { value: "in time" });
    expect(endpoint.handled("echo").map(({ params }) => params["value"])).toEqual(["in time"]);
  });

  test("our request that expired in the queue is not run by Python", async () => {
    const topic = fresh("expired");
    await (await sides.python.serve({ topic, server: "s" })).stop();
    const client = sides.ours.client({ topic });
    await expect(client.call("echo", { value: "late" }, { timeoutMs: 700 })).rejects.toBeInstanceOf(TimeoutError);
    const server = await sides.python.serve({ topic, server: "s" });
    await client.call("echo", { value: "in time" });
    expect(server.handled("echo").map(({ args }) => args["value"])).toEqual(["in time"]);
  });

  test("a cast waits for a server of either side, however late it comes", async () => {
    const topic = fresh("later");
    await (await sides.python.serve({ topic, server: "s" })).stop();
    await sides.ours.client({ topic }).cast("note", { from: "ours" });
    await sides.python.cast({ topic }, "note", { from: "python" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "t" }, endpoint);
    const handled = await endpoint.sees(2, "note");
    expect(handled.map(({ params }) => params["from"])).toEqual(["ours", "python"]);
  });

  test("late replies of both sides, many at once, find no call and harm none", async () => {
    const topic = fresh("late");
    const server = await sides.python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "ours" }, endpoint);
    const transport = await sides.open();
    const client = transport.client({ topic, server: "theirs" });
    const key = fresh("key");
    const count = 10;
    const ours = Array.from({ length: count }, () => client.call("hold", { key }, { timeoutMs: 1_000 }));
    const theirs = Array.from({ length: count }, () =>
      sides.python.raises(sides.python.call({ topic, server: "ours" }, "hold", { key }, { timeout: 1 })),
    );
    for (const outcome of await Promise.allSettled(ours))
      expect(outcome).toMatchObject({ reason: { code: "ERR_TIMEOUT" } });
    for (const raised of await Promise.all(theirs)) expect(raised).toMatchObject({ type: "MessagingTimeout" });
    const ran = server.handled("hold").length;
    await sides.python.release(key);
    endpoint.release(key);
    await until(() => (transport.stats().counters["lateReplies"] ?? 0) === ran, WITHIN);
    expect(await client.call("echo", { value: 1 })).toBe(1);
    expect(await sides.python.call({ topic, server: "ours" }, "echo", { value: 1 })).toBe(1);
  });

  test("100 calls at once each way, answered in any order, each get their own answer", async () => {
    const topic = fresh("many");
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, new RecordingEndpoint());
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const [ours, theirs] = await Promise.all([
      Promise.all(numbers.map((value) => sides.ours.client({ topic, server: "theirs" }).call("echo", { value }))),
      Promise.all(numbers.map((value) => sides.python.call({ topic, server: "ours" }, "echo", { value }))),
    ]);
    expect(ours).toEqual(numbers);
    expect(theirs).toEqual(numbers);
  });
});
