import { describe, expect, test } from "vitest";
import { InvalidArgumentError, InvalidTargetError, NotSupportedError } from "../src/errors.js";
import { deferred } from "../src/testing/deferred.js";
import { Inbox } from "./support/notify-host.js";
import { openWorld } from "./support/rpc-world.js";

describe("transport.require (H)", () => {
  test("passes where the manifest suffices", async () => {
    const { transport } = await openWorld();
    const met = {
      pools: true,
      streaming: false,
      acceptance: { casts: "transport" },
      detectionMs: 1_000,
      maxMessageBytes: 1_024,
      ordering: "per-target",
    } as const;
    expect(() => transport.require(met)).not.toThrow();
  });

  test("names the first that is not met, and the driver", async () => {
    const { transport } = await openWorld({ capabilities: { pools: false } });
    expect(() => transport.require({ events: true, pools: true })).toThrow(NotSupportedError);
    expect(() => transport.require({ pools: true })).toThrow(/pools.*"loopback"/);
    expect(() => transport.require({ acceptance: { events: "durable" } })).toThrow(/acceptance\.events/);
    expect(() => transport.require({ detectionMs: 1 })).toThrow(NotSupportedError);
  });

  test("refuses a key that no manifest has", async () => {
    const { transport } = await openWorld();
    expect(() => transport.require({ pool: true } as never)).toThrow(InvalidArgumentError);
    expect(() => transport.require(null as never)).toThrow(InvalidArgumentError);
  });
});

describe("one transport for requests and events", () => {
  test("a topic used by both keeps two separate streams (A8)", async () => {
    const { transport } = await openWorld();
    const events = new Inbox<string>();
    await transport.listen([{ topic: "t" }], { info: ({ eventType }) => void events.add(eventType) });
    await transport.serve({ topic: "t", server: "s" }, { info: () => "answered" });
    const notifier = transport.notifier({ publisherId: "p", topics: ["t"] });
    expect(await transport.client({ topic: "t" }).call("info")).toBe("answered");
    await notifier.info("happened", {});
    expect(await events.take(1)).toEqual(["happened"]);
  });

  test("listens for one by one and for batches", async () => {
    const { transport } = await openWorld();
    const batches = new Inbox<number>();
    await transport.listen(
      [{ topic: "t" }],
      { info: (items) => void batches.add(items.length) },
      { batch: { size: 2 } },
    );
    const notifier = transport.notifier({ publisherId: "p", topics: ["t"] });
    await Promise.all([notifier.info("a", {}), notifier.info("b", {})]);
    expect(await batches.take(1)).toEqual([2]);
  });

  test("a listener's handlers drain when the transport closes", async () => {
    const { open, clock } = await openWorld();
    const transport = await open();
    const started = deferred();
    const gate = deferred();
    const endpoint = {
      info: async () => {
        started.resolve();
        await gate.promise;
      },
    };
    await transport.listen([{ topic: "t" }], endpoint);
    await transport.notifier({ publisherId: "p", topics: ["t"] }).info("e", {});
    await started.promise;
    let isClosed = false;
    const closing = transport.close().then(() => {
      isClosed = true;
    });
    await clock.tick();
    expect(isClosed).toBe(false);
    gate.resolve();
    await closing;
  });

  test.each(["events", "rpc"] as const)("what needs %s is refused where that is not claimed", async (capability) => {
    const off = capability === "rpc" ? { cancel: false, callMonitor: false } : { pools: false, redelivery: false };
    const { transport, bus } = await openWorld({ capabilities: { [capability]: false, ...off } });
    if (capability === "events") {
      expect(() => transport.notifier({ publisherId: "p" })).toThrow(NotSupportedError);
      await expect(transport.listen([{ topic: "t" }], { info: () => {} })).rejects.toThrow(NotSupportedError);
    } else {
      expect(() => transport.client({ topic: "t" })).toThrow(NotSupportedError);
      await expect(transport.serve({ topic: "t", server: "s" }, { m: () => 1 })).rejects.toThrow(NotSupportedError);
    }
    expect(bus.listeners.size).toBe(0);
  });
});

describe("names (A5)", () => {
  const NAMES = ["a.b", "*", "#", "a>b", "host1@ceph", "a/b:c d", "日本", "x".repeat(255)];

  test.each(NAMES)("%j stays apart from every other, as topic, server, method and namespace", async (name) => {
    const { transport } = await openWorld();
    await transport.serve({ topic: name, server: name }, { target: { namespace: name }, [name]: () => "it" });
    await transport.serve({ topic: `${name.slice(0, -1)}!`, server: "s" }, { [name]: () => "another" });
    const client = transport.client({ topic: name, server: name, namespace: name });
    expect(await client.call(name)).toBe("it");
  });

  test.each(["", "a\u0000", "\n", "\ud800", "x".repeat(256), 3, null])("%j is refused in every place", async (bad) => {
    const { transport, bus } = await openWorld();
    const name = bad as string; // the wrong kinds are the point
    const methods = { m: () => 1 };
    expect(() => transport.client({ topic: name })).toThrow(InvalidTargetError);
    expect(() => transport.client({ topic: "t", exchange: name })).toThrow(InvalidTargetError);
    expect(() => transport.client({ topic: "t", server: name })).toThrow(InvalidTargetError);
    expect(() => transport.client({ topic: "t", namespace: name })).toThrow(InvalidTargetError);
    await expect(transport.serve({ topic: "t", server: name }, methods)).rejects.toThrow(InvalidTargetError);
    const client = transport.client({ topic: "t" });
    await expect(client.call(name)).rejects.toThrow(InvalidArgumentError);
    await expect(client.cast(name)).rejects.toThrow(/method/);
    expect(() => transport.notifier({ publisherId: name })).toThrow(InvalidArgumentError);
    expect(() => transport.notifier({ publisherId: "p", topics: [name] })).toThrow(InvalidTargetError);
    await expect(transport.listen([{ topic: name }], { info: () => {} })).rejects.toThrow(InvalidTargetError);
    expect(bus.sent).toEqual([]);
  });
});

test("its exchange stands in where a target names none, and naming the default is the same as omitting it (A1)", async () => {
  const { transport, open } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { m: () => "default" });
  const mine = await open({ exchange: "mine" });
  await mine.serve({ topic: "t", server: "s" }, { m: () => "mine" });
  expect(await transport.client({ topic: "t", exchange: "default" }).call("m")).toBe("default");
  expect(await mine.client({ topic: "t" }).call("m")).toBe("mine");
  expect(await transport.client({ topic: "t", exchange: "mine" }).call("m")).toBe("mine");
});

test("says what its driver does, counts and calls itself, and passes its events on", async () => {
  const { transport, factory } = await openWorld();
  expect(transport.driverName).toBe("loopback");
  expect(String(transport.url)).toContain("loopback:");
  expect(Object.isFrozen(transport.capabilities)).toBe(true);
  expect(transport.stats().gauges).toEqual({ pending: 0, listeners: 0 });
  const heard: string[] = [];
  for (const name of ["status", "warning", "dropped", "castsLost"] as const)
    transport.events.on(name, () => heard.push(name));
  const [driver] = factory.opened;
  driver?.emit("status", { state: "degraded", detail: "d" });
  driver?.emit("warning", { message: "w" });
  driver?.emit("dropped", { count: 1, reason: "r" });
  driver?.emit("castsLost", { count: 1, peer: "p" });
  expect(heard).toEqual(["status", "warning", "dropped", "castsLost"]);
});
