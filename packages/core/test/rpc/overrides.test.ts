import { expect, test } from "vitest";
import { InvalidArgumentError, InvalidTargetError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import type { Serializer } from "../../src/serializer.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

const stamping: Serializer = {
  serializeValue: (value) => ({ stamped: value as JsonObject }),
  deserializeValue: (value) => value,
  serializeContext: (context) => context,
  deserializeContext: (context) => context,
};

test("every field of the target is replaced, unset by undefined, and kept where absent", async () => {
  const { transport } = await openWorld();
  const base = transport.client({
    exchange: "e",
    topic: "t",
    server: "s",
    namespace: "n",
    version: "1.1",
  });
  expect(base.to({}).target).toEqual(base.target);
  expect(base.to({ exchange: "x" }).target).toEqual({ ...base.target, exchange: "x" });
  expect(base.to({ topic: "x" }).target).toEqual({ ...base.target, topic: "x" });
  expect(base.to({ server: "x" }).target).toEqual({ ...base.target, server: "x" });
  expect(base.to({ namespace: "x" }).target).toEqual({ ...base.target, namespace: "x" });
  expect(base.to({ version: "2.0" }).target).toEqual({ ...base.target, version: "2.0" });
  expect(base.to({ server: undefined, fanout: true }).target).toEqual({
    exchange: "e",
    topic: "t",
    namespace: "n",
    version: "1.1",
    fanout: true,
  });
  expect(base.to({ namespace: undefined, version: undefined, exchange: undefined, server: undefined }).target).toEqual({
    topic: "t",
  });
  expect(base.target).toEqual({ exchange: "e", topic: "t", server: "s", namespace: "n", version: "1.1" });
});

test.each([
  [{ servr: "x" }, /to\(\) does not know "servr"; did you mean server\?; it knows exchange, topic, .*timeoutMs/],
  [{ timeout: 5 }, /did you mean timeoutMs\?/],
  [{ wholly: 1, servr: undefined }, /"wholly", "servr"; did you mean server\?/],
  [{ wholly: 1 }, /does not know "wholly"; it knows exchange/],
])("an override that is neither field nor option is refused: %j", async (overrides, message) => {
  const { transport } = await openWorld();
  const client = transport.client({ topic: "t" });
  expect(() => client.to(overrides as never)).toThrow(InvalidArgumentError);
  expect(() => client.to(overrides as never)).toThrow(message);
});

test("what is asked travels as it was overridden", async () => {
  const { transport, bus } = await openWorld({ transport: { exchange: "mine" } });
  const seen: ServerCall[] = [];
  const endpoint = {
    target: { namespace: "n", version: "1.5" },
    m: (_params: JsonObject, call: ServerCall) => seen.push(call),
  };
  await transport.serve({ topic: "t", server: "s" }, [endpoint, { m: () => 0 }]);
  const base = transport.client({ topic: "t" }, { context: { a: 1 } });
  await base.to({ namespace: "n", version: "1.4", context: { b: 2 } }).call("m");
  await base.to({ context: undefined }).call("m");
  expect(seen[0]).toMatchObject({ context: { b: 2 }, target: { exchange: "mine", namespace: "n", version: "1.4" } });
  expect(bus.sent.map(({ message }) => message.context)).toEqual([{ b: 2 }, {}]);
});

test("every option is replaced, and unset by undefined", async () => {
  const { transport, bus, clock } = await openWorld({ transport: { callTimeoutMs: 400, sendTimeoutMs: 200 } });
  await transport.serve({ topic: "t", server: "s" }, { m: (params: JsonObject) => params });
  const base = transport.client(
    { topic: "t", version: "1.3" },
    { timeoutMs: 100, sendTimeoutMs: 50, versionCap: "1.2", monitorMs: 5_000, retry: { attempts: 1 } },
  );
  expect(base.canSend()).toBe(false);
  const open = base.to({ versionCap: undefined, version: undefined });
  expect(open.canSend()).toBe(true);
  expect(await open.to({ serializer: stamping }).call("m", { a: 1 })).toEqual({ stamped: { a: 1 } });
  expect(await open.to({ serializer: stamping }).to({ serializer: undefined }).call("m", { a: 1 })).toEqual({ a: 1 });

  bus.hold();
  const single = open.to({ retry: undefined, monitorMs: undefined });
  const fates = {
    call100: fateOf(single.call("m")),
    call400: fateOf(single.to({ timeoutMs: undefined }).call("m")),
    call300: fateOf(single.to({ timeoutMs: 300 }).call("m")),
    monitored: fateOf(single.to({ timeoutMs: 300, monitorMs: 150 }).call("m")),
    cast50: fateOf(single.cast("m")),
    cast200: fateOf(single.to({ sendTimeoutMs: undefined }).cast("m")),
  };
  const settled = async (ms: number): Promise<string[]> => {
    await clock.tick(ms);
    return Object.entries(fates).flatMap(([name, fate]) => (fate.isSettled ? [name] : []));
  };
  expect(await settled(75)).toEqual(["cast50"]);
  expect(await settled(50)).toEqual(["call100", "cast50"]);
  expect(await settled(50)).toEqual(["call100", "monitored", "cast50"]);
  expect(await settled(50)).toEqual(["call100", "monitored", "cast50", "cast200"]);
  expect(await settled(100)).toEqual(["call100", "call300", "monitored", "cast50", "cast200"]);
  expect(await settled(100)).toEqual(["call100", "call400", "call300", "monitored", "cast50", "cast200"]);
  bus.release();

  const [refused, repeated] = [base.to({ retry: undefined, version: undefined }), base.to({ version: undefined })];
  const { UnreachableError } = await import("../../src/errors.js");
  bus.refuseNext(new UnreachableError("for a moment"));
  await expect(refused.call("m")).rejects.toThrow("for a moment");
  bus.refuseNext(new UnreachableError("for a moment"));
  const again = repeated.call("m");
  await clock.tick(99);
  await expect(again).resolves.toEqual({});
});

test("an override is checked as the first client was, and the first is unharmed", async () => {
  const { transport } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { m: () => "here" });
  const base = transport.client({ topic: "t" });
  expect(() => base.to({ topic: undefined })).toThrow(InvalidTargetError);
  expect(() => base.to({ topic: "" })).toThrow(InvalidTargetError);
  expect(() => base.to({ server: "s", fanout: true })).toThrow(InvalidTargetError);
  expect(() => base.to({ version: "one" })).toThrow(InvalidArgumentError);
  expect(() => base.to({ timeoutMs: 0 })).toThrow(InvalidArgumentError);
  expect(() => base.to({ context: [] as never })).toThrow(InvalidArgumentError);
  expect(() => base.to({ timeout: 5 } as never)).toThrow(/"timeout"/);
  expect(() => base.to(null as never)).toThrow(InvalidArgumentError);
  expect(await base.call("m")).toBe("here");
});
