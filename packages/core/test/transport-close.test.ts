import { describe, expect, test } from "vitest";
import { ClosedError } from "../src/errors.js";
import { deferred } from "../src/testing/deferred.js";
import { fateOf, openWorld } from "./support/rpc-world.js";

describe("close (E4)", () => {
  test("rejects what is pending, drains what runs, and leaves nothing", async () => {
    const { transport, clock, bus, open } = await openWorld();
    const gate = deferred<string>();
    const server = await open();
    await server.serve({ topic: "t", server: "s" }, { m: () => gate.promise });
    const caller = await open();
    const fromOutside = fateOf(transport.client({ topic: "t" }).call("m"));
    const fate = fateOf(caller.client({ topic: "t" }).call("m"));
    await clock.tick();
    await caller.close();
    await clock.tick();
    expect(fate.error).toBeInstanceOf(ClosedError);
    expect(fate.error).toMatchObject({ code: "ERR_CLOSED", retryable: false });
    expect(String(fate.error)).toMatch(/m on topic "t" was in flight; it may have run/);

    const closing = fateOf(server.close());
    await clock.tick();
    expect(closing.isSettled).toBe(false);
    gate.resolve("drained");
    await clock.tick();
    expect(closing.isSettled).toBe(true);
    expect(fromOutside.value).toBe("drained");
    expect(bus.listeners.size).toBe(0);
    await clock.tick(40);
    expect(clock.timers).toBe(0);
  });

  test("rejects calls, casts and events that wait, of which nothing was sent", async () => {
    const { bus, clock, open, transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
    await transport.listen([{ topic: "t" }], { info: () => {} });
    const sender = await open();
    bus.hold();
    const call = fateOf(sender.client({ topic: "t" }).call("m"));
    const cast = fateOf(sender.client({ topic: "t" }).cast("m"));
    const event = fateOf(sender.notifier({ publisherId: "p", topics: ["t"] }).info("e", {}));
    await clock.tick();
    await sender.close();
    await clock.tick();
    expect(call.error).toBeInstanceOf(ClosedError);
    expect(String(call.error)).toMatch(/waited to be sent; nothing was sent/);
    expect(cast.error).toBeInstanceOf(ClosedError);
    expect(event.error).toBeInstanceOf(ClosedError);
    bus.release();
  });

  test("waits for handlers no longer than the drain time", async () => {
    const { clock, open } = await openWorld();
    const never = deferred();
    const started = deferred();
    const transport = await open({ drainTimeoutMs: 300 });
    const endpoint = {
      m: () => {
        started.resolve();
        return never.promise;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const other = await open();
    fateOf(other.client({ topic: "t" }).call("m"));
    await started.promise;
    const closing = fateOf(transport.close());
    await clock.tick(299);
    expect(closing.isSettled).toBe(false);
    await clock.tick(1);
    expect(closing.isSettled).toBe(true);
    never.resolve();
  });

  test("everything that is asked afterwards is refused with what to do", async () => {
    const { transport } = await openWorld();
    const client = transport.client({ topic: "t" });
    const notifier = transport.notifier({ publisherId: "p" });
    await transport.close();
    for (const attempt of [
      client.call("m"),
      client.cast("m"),
      client.fanout("m"),
      notifier.info("e", {}),
      transport.serve({ topic: "t", server: "s" }, { m: () => 1 }),
      transport.listen([{ topic: "t" }], { info: () => {} }),
    ]) {
      await expect(attempt).rejects.toThrow(ClosedError);
      await expect(attempt).rejects.toThrow(/open a new one/);
    }
    expect(() => transport.client({ topic: "t" })).toThrow(ClosedError);
    expect(() => transport.notifier({ publisherId: "p" })).toThrow(ClosedError);
  });

  test("is idempotent, one promise, and the transport's disposal", async () => {
    const { transport } = await openWorld();
    const closing = transport.close();
    expect(transport.close()).toBe(closing);
    await closing;
    await transport[Symbol.asyncDispose]();
  });

  test("a server that was starting meanwhile does not outlive it", async () => {
    const { transport, bus } = await openWorld();
    const serving = transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
    const closing = transport.close();
    await expect(serving).rejects.toThrow(ClosedError);
    await closing;
    expect(bus.listeners.size).toBe(0);
  });
});
