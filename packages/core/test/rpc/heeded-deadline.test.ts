import { expect, test } from "vitest";
import { ConnectionLostError, TimeoutError } from "../../src/errors.js";
import { openTransport } from "../../src/open-transport.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import type { ReplySink } from "../../src/seam.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

/** Rejects as soon as its signal fires, which at a deadline is before the caller's own table is swept. */
const heeding = {
  hold: (_params: JsonObject, { signal }: ServerCall): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    }),
  refuse: () => {
    throw new RangeError("no");
  },
};

test("a handler that heeds the deadline does not answer for it: the caller gets TimeoutError (B6)", async () => {
  const { transport, clock } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, heeding);
  const fate = fateOf(transport.client({ topic: "t" }).call("hold", {}, { timeoutMs: 1_010 }));
  await clock.tick(1_030);
  expect(fate.error).toBeInstanceOf(TimeoutError);
  expect(fate.error).toMatchObject({ code: "ERR_TIMEOUT" });
});

test("a refusal before the deadline is the handler's own", async () => {
  const { transport, clock } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, heeding);
  const fate = fateOf(transport.client({ topic: "t" }).call("refuse", {}, { timeoutMs: 1_010 }));
  await clock.tick(1);
  expect(fate.error).toMatchObject({ code: "ERR_REMOTE", type: "RangeError" });
});

test.each([
  [1_009, ConnectionLostError, undefined],
  [1_010, TimeoutError, ConnectionLostError],
] as const)(
  "a request whose server is lost, or drops it as too late, after %i of 1 010 ms, before its table is swept: the deadline goes first",
  async (afterMs, kind, cause) => {
    const { factory, clock, transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { hold: () => new Promise(() => {}) });
    const sinks: ReplySink[] = [];
    const listening: typeof factory = {
      ...factory,
      async open(...given) {
        const driver = await factory.open(...given);
        const { call } = driver;
        driver.call = (to, request, sink, options) => {
          sinks.push(sink);
          return call.call(driver, to, request, sink, options);
        };
        return driver;
      },
    };
    const caller = await openTransport("loopback://", { drivers: [listening], clock });
    const fate = fateOf(caller.client({ topic: "t" }).call("hold", {}, { timeoutMs: 1_010 }));
    await clock.tick(afterMs);
    expect([sinks.length, fate.isSettled]).toEqual([1, false]);
    sinks[0]?.lost(new ConnectionLostError("the server dropped the request", true), true);
    await clock.tick(0);
    expect(fate.error).toBeInstanceOf(kind);
    if (cause !== undefined) expect(fate.error).toMatchObject({ code: "ERR_TIMEOUT", cause: expect.any(cause) });
    await caller.close();
  },
);
