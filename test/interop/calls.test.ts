import {
  NoSuchMethodError,
  RemoteError,
  SerializationError,
  TimeoutError,
  UnsupportedVersionError,
} from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests({ allowed: ["interop_errors"] });

/** All that JSON has, in one value. */
const MIXED = {
  null: null,
  yes: true,
  no: false,
  integers: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  doubles: [0.5, -2.25, 1e-300],
  texts: ["", "žluťoučký kůň", '🐎\u0000\n"\\', "\u2028"],
  empty: [{}, []],
  nested: { a: [{ b: [[{ c: "d" }]] }] },
};

interop("calls between the two", { timeout: 30_000 }, () => {
  test("ours calls a Python server, with every JSON type there and back", async () => {
    const topic = fresh("compute");
    const server = await sides.python.serve({ topic, server: "host1" });
    expect(await sides.ours.client({ topic }).call("echo", { value: MIXED })).toEqual(MIXED);
    expect(server.handled("echo")[0]?.args["value"]).toEqual(MIXED);
  });

  test("Python calls our server, with every JSON type there and back", async () => {
    const topic = fresh("compute");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "host1" }, endpoint);
    expect(await sides.python.call({ topic }, "echo", { value: MIXED })).toEqual(MIXED);
    expect(endpoint.handled("echo")[0]?.params).toEqual({ value: MIXED });
  });

  test("a cast of ours reaches one Python server", async () => {
    const topic = fresh("compute");
    const server = await sides.python.serve({ topic, server: "host1" });
    expect(await sides.ours.client({ topic }).cast("note", { n: 1 })).toEqual({ accepted: 1, lost: 0 });
    const [handled] = await server.sees(1, "note");
    expect(handled?.args).toEqual({ n: 1 });
  });

  test("a cast of Python reaches one server of ours", async () => {
    const topic = fresh("compute");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "host1" }, endpoint);
    await sides.python.cast({ topic }, "note", { n: 1 });
    const [handled] = await endpoint.sees(1, "note");
    expect(handled?.params).toEqual({ n: 1 });
    expect(handled?.call.remainingMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("a fanout from either side reaches every server of both, once", async () => {
    const topic = fresh("compute");
    const [one, two] = [new RecordingEndpoint("one"), new RecordingEndpoint("two")];
    const [three, four] = await Promise.all([
      sides.python.serve({ topic, server: "three" }),
      sides.python.serve({ topic, server: "four" }),
      sides.serve({ topic, server: "one" }, one),
      sides.serve({ topic, server: "two" }, two),
    ]);
    await sides.ours.client({ topic }).fanout("note", { from: "ours" });
    await sides.python.fanout({ topic }, "note", { from: "python" });
    for (const server of [one, two, three, four]) {
      await server.sees(2, "note");
    }
    // What comes after a fanout shows that nothing of it is still on its way.
    for (const server of ["one", "two", "three", "four"]) await sides.ours.client({ topic, server }).call("whoami");
    const both = [{ from: "ours" }, { from: "python" }];
    for (const endpoint of [one, two]) expect(endpoint.handled("note").map(({ params }) => params)).toEqual(both);
    for (const server of [three, four]) expect(server.handled("note").map(({ args }) => args)).toEqual(both);
  });

  test("a directed call reaches the one server of its name, of two on one host", async () => {
    const topic = fresh("volume");
    await sides.python.serve({ topic, server: "host1@backend" }, [{ label: "python" }]);
    await sides.serve({ topic, server: "host1@lvm" }, new RecordingEndpoint("ours"));
    for (const [server, who] of [
      ["host1@backend", "python"],
      ["host1@lvm", "ours"],
    ] as const) {
      for (let time = 0; time < 3; time++) {
        expect(await sides.ours.client({ topic, server }).call("whoami")).toBe(who);
        expect(await sides.python.call({ topic, server }, "whoami")).toBe(who);
      }
    }
  });

  test("a Python server sees exactly our context, and its own client_timeout", async () => {
    const topic = fresh("compute");
    await sides.python.serve({ topic, server: "host1" });
    const context = { user_id: "u1", roles: ["admin", "reader"], nested: { deep: [1, { more: null }] }, "": "empty" };
    const seen = await sides.ours.client({ topic }, { context }).call("context");
    expect(seen).toEqual({ ...context, client_timeout: null });
  });

  test("our server sees exactly Python's context, and no client_timeout", async () => {
    const topic = fresh("compute");
    await sides.serve({ topic, server: "host1" }, new RecordingEndpoint());
    const context = { user_id: "u1", roles: ["admin", "reader"], nested: { deep: [1, { more: null }] }, "": "empty" };
    expect(await sides.python.call({ topic }, "context", {}, { context, monitor: 5 })).toEqual(context);
  });

  test.each(["msg_id", "reply_q", "client_timeout"])(
    "our client refuses a context with Python's own %s",
    async (key) => {
      const client = sides.ours.client({ topic: fresh("compute") });
      await expect(client.call("context", {}, { context: { [key]: "mine" } })).rejects.toMatchObject({
        constructor: SerializationError,
        path: `context.${key}`,
      });
    },
  );

  test("a Python handler's ValueError is a RemoteError here, with its stack", async () => {
    const topic = fresh("compute");
    await sides.python.serve({ topic, server: "host1" });
    const error = { class: "ValueError", args: ["no such flavour: žluť"] };
    const caught = await sides.ours
      .client({ topic })
      .call("fail", { error })
      .catch((reason: unknown) => reason);
    expect(caught).toBeInstanceOf(RemoteError);
    expect(caught).toMatchObject({ code: "ERR_REMOTE", type: "ValueError", module: "builtins" });
    expect(caught).toHaveProperty("message", expect.stringContaining("no such flavour: žluť"));
    expect(caught).toHaveProperty("remoteStack", expect.stringMatching(/^Traceback .*\n {2}File ".*peer\.py"/s));
  });

  test("our RangeError is Python's own ValueError there, with our stack", async () => {
    const topic = fresh("compute");
    await sides.serve(
      { topic, server: "host1" },
      {
        fail() {
          throw new RangeError("no such flavour: žluť");
        },
      },
    );
    const raised = await sides.python.raises(sides.python.call({ topic }, "fail"));
    expect(raised).toMatchObject({ type: "ValueError", module: "builtins" });
    expect(raised.text).toMatch(/^no such flavour: žluť\nRangeError: no such flavour/);
    expect(raised.text).toContain("calls.test.ts");
  });

  test("a Python server's NoSuchMethod and UnsupportedVersion are our own errors", async () => {
    const topic = fresh("compute");
    await sides.python.serve({ topic, server: "host1" }, [{ version: "1.3" }]);
    await expect(sides.ours.client({ topic }).call("nothing")).rejects.toBeInstanceOf(NoSuchMethodError);
    await expect(sides.ours.client({ topic }).call("_private")).rejects.toBeInstanceOf(NoSuchMethodError);
    await expect(sides.ours.client({ topic, version: "1.4" }).call("echo")).rejects.toBeInstanceOf(
      UnsupportedVersionError,
    );
    expect(await sides.ours.client({ topic, version: "1.3" }).call("echo", { value: 1 })).toBe(1);
  });

  test("our server's refusals are oslo.messaging's own to Python", async () => {
    const topic = fresh("compute");
    await sides.serve({ topic, server: "host1" }, new RecordingEndpoint("ours", { version: "1.3" }));
    const raised = (target: object, method: string): Promise<unknown> =>
      sides.python.raises(sides.python.call({ topic, ...target }, method));
    expect(await raised({}, "nothing")).toMatchObject({ type: "RemoteError", exc_type: "NoSuchMethod" });
    expect(await raised({}, "_private")).toMatchObject({ type: "RemoteError", exc_type: "NoSuchMethod" });
    expect(await raised({ version: "1.4" }, "echo")).toMatchObject({ exc_type: "UnsupportedVersion" });
    expect(await sides.python.call({ topic, version: "1.3" }, "echo", { value: 1 })).toBe(1);
  });

  test("namespaces lead to the endpoint of their name, on both sides", async () => {
    const topic = fresh("compute");
    await sides.python.serve({ topic, server: "theirs" }, [{ label: "plain" }, { namespace: "admin", label: "admin" }]);
    await sides.serve({ topic, server: "ours" }, [
      new RecordingEndpoint("plain"),
      new RecordingEndpoint("admin", { namespace: "admin" }),
    ]);
    for (const server of ["theirs", "ours"]) {
      for (const namespace of [undefined, "admin"]) {
        const target = { topic, server, ...(namespace === undefined ? {} : { namespace }) };
        expect(await sides.ours.client(target).call("whoami")).toBe(namespace ?? "plain");
        expect(await sides.python.call(target, "whoami")).toBe(namespace ?? "plain");
      }
      const unknown = { topic, server, namespace: "nobody" };
      await expect(sides.ours.client(unknown).call("whoami")).rejects.toBeInstanceOf(UnsupportedVersionError);
      const raised = await sides.python.raises(sides.python.call(unknown, "whoami"));
      expect(raised).toMatchObject({ exc_type: "UnsupportedVersion" });
    }
  });

  test("our call to a held Python handler times out, and its late reply harms nobody", async () => {
    const topic = fresh("compute");
    const server = await sides.python.serve({ topic, server: "host1" });
    const client = sides.ours.client({ topic });
    const key = fresh("key");
    await expect(client.call("hold", { key }, { timeoutMs: 500 })).rejects.toBeInstanceOf(TimeoutError);
    await server.sees(1, "hold");
    const before = sides.ours.stats().counters["lateReplies"] ?? 0;
    await sides.python.release(key);
    await until(() => (sides.ours.stats().counters["lateReplies"] ?? 0) > before, WITHIN);
    expect(await client.call("echo", { value: "after" })).toBe("after");
  });

  test("Python's call to our held handler times out, and our late reply harms nobody", async () => {
    const topic = fresh("compute");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "host1" }, endpoint);
    const call = sides.python.call({ topic }, "hold", { key: "k" }, { timeout: 1 });
    expect(await sides.python.raises(call)).toMatchObject({
      type: "MessagingTimeout",
      module: "oslo_messaging.exceptions",
    });
    expect(endpoint.handled("hold")).toHaveLength(1);
    endpoint.release("k");
    expect(await sides.python.call({ topic }, "echo", { value: "after" })).toBe("after");
  });

  test("trace headers pass a Python server by, and reach our server beside it", async () => {
    const topic = fresh("compute");
    const endpoint = new RecordingEndpoint();
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, endpoint);
    const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x-own": "yes" };
    const context = { user: "u" };
    const client = sides.ours.client({ topic }, { context });
    const theirs = await client.to({ server: "theirs" }).call("context", {}, { headers });
    expect(theirs).toEqual({ ...context, client_timeout: null });
    await client.to({ server: "ours" }).call("context", {}, { headers });
    expect(endpoint.handled("context")[0]?.call.headers).toEqual(headers);
    await sides.python.call({ topic, server: "ours" }, "context");
    expect(endpoint.handled("context")[1]?.call.headers).toEqual({});
  });

  test("call monitoring: a Python server's beats keep our call alive", async () => {
    const topic = fresh("compute");
    await sides.python.serve({ topic, server: "host1" });
    const call = sides.ours.client({ topic }).call("work", { seconds: 3 }, { monitorMs: 2_000, timeoutMs: 20_000 });
    expect(await call).toBe("worked");
  });

  test("call monitoring: our server's beats keep Python's call alive", async () => {
    const topic = fresh("compute");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "host1" }, endpoint);
    const begun = performance.now();
    const call = sides.python.call({ topic }, "hold", { key: "k" }, { monitor: 2, timeout: 20 });
    await endpoint.sees(1, "hold");
    await until(() => performance.now() - begun > 3_500, WITHIN);
    endpoint.release("k");
    expect(await call).toBe("k");
  });

  test("5 MB there and back, both ways", async () => {
    const [theirs, ours] = [fresh("compute"), fresh("compute")];
    await sides.python.serve({ topic: theirs, server: "host1" });
    await sides.serve({ topic: ours, server: "host1" }, new RecordingEndpoint());
    const value = "0123456789".repeat(500_000);
    expect((await sides.ours.client({ topic: theirs }).call("echo", { value })) === value).toBe(true);
    expect((await sides.python.call({ topic: ours }, "echo", { value })) === value).toBe(true);
  });
});
