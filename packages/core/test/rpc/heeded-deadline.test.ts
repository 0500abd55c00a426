import { expect, test } from "vitest";
import { TimeoutError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
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
