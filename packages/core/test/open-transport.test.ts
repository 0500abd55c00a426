import { describe, expect, test } from "vitest";
import { AbortError, ClosedError, InvalidArgumentError, InvalidTargetError, NotSupportedError } from "../src/errors.js";
import { openTransport } from "../src/open-transport.js";
import { LoopbackBus, loopbackFactory } from "./support/loopback-driver.js";

const open = (options: object): Promise<unknown> =>
  openTransport("loopback://", { drivers: [loopbackFactory()], ...options });

describe("options that are none are refused before a driver is opened", () => {
  test.each([
    ["an unknown name", { timeout: 5 }, /no option "timeout".*callTimeoutMs/],
    ["callTimeoutMs of a string", { callTimeoutMs: "5" }, /callTimeoutMs must be .*, got "5" \(a string\)$/],
    ["callTimeoutMs of a bigint", { callTimeoutMs: 5n }, /callTimeoutMs must be .*, got 5n \(a bigint\)$/],
    ["callTimeoutMs 0", { callTimeoutMs: 0 }, /callTimeoutMs must be a number of milliseconds above 0/],
    ["sendTimeoutMs NaN", { sendTimeoutMs: Number.NaN }, /sendTimeoutMs/],
    ["connectTimeoutMs Infinity", { connectTimeoutMs: Number.POSITIVE_INFINITY }, /connectTimeoutMs/],
    ["drainTimeoutMs of a string", { drainTimeoutMs: "5" }, /drainTimeoutMs/],
    ["a serializer without methods", { serializer: {} }, /a serializer needs the methods/],
    ["drivers that are no list", { drivers: {} }, /drivers must be an array/],
    ["a driver that is none", { drivers: [{}] }, /drivers/],
    ["errors that are no list", { errors: Error }, /errors must be a list of error classes/],
    ["errors that are no classes", { errors: ["QuotaError"] }, /errors must be a list of error classes/],
    ["a logger without methods", { logger: { info() {} } }, /logger needs the methods debug, info, warn, error/],
    ["a clock without methods", { clock: Date }, /clock needs the methods now, wallNow, setTimer/],
    ["propagate of a string", { propagate: "no" }, /propagate must be true or false/],
    ["random of a number", { random: 4 }, /random must be a function/],
    ["newId of a string", { newId: "1" }, /newId must be a function/],
    ["a signal that is none", { signal: {} }, /signal must be an AbortSignal/],
  ])("%s", async (_name, options, message) => {
    await expect(open(options)).rejects.toThrow(InvalidArgumentError);
    await expect(open(options)).rejects.toThrow(message);
  });

  test("all of them at once, each named", async () => {
    const opening = openTransport("loopback://", { logger: 1, random: 2, propagate: 3 } as never);
    await expect(opening).rejects.toThrow(/propagate.*logger.*random/);
  });

  test.each([null, 5, "options"])("%j in their place", async (options) => {
    await expect(openTransport("loopback://", options as never)).rejects.toThrow(/options must be an object/);
  });

  test("a bad exchange", async () => {
    await expect(open({ exchange: "" })).rejects.toThrow(InvalidTargetError);
  });
});

describe("a driver that has a list for the context of events and does not say so, or says so and has none (C1)", () => {
  test.each<[string, "listed" | "filtered", unknown, RegExp]>([
    ["no list", "listed", undefined, /says eventContext "listed", and eventContextKeys is none/],
    ["a list that it does not claim", "filtered", ["request_id"], /"filtered", and eventContextKeys is a list/],
    ["no list of names", "listed", "request_id", /is something that is no list of names/],
    ["a list of something else", "listed", ["request_id", 1], /is something that is no list of names/],
  ])("%s: it is refused as broken, and closed", async (_name, eventContext, keys, words) => {
    const bus = new LoopbackBus();
    const factory = loopbackFactory(bus, { eventContext }, keys as readonly string[]);
    const opening = openTransport("loopback://", { drivers: [factory] });
    await expect(opening).rejects.toThrow(InvalidArgumentError);
    await expect(opening).rejects.toThrow(words);
    const address = { realm: "", exchange: "default", topic: "t", server: "s" };
    const listening = factory.opened[0]?.listen({ kind: "rpc", address }, () => {}, {
      credit: 1,
      acknowledge: "on-take",
    });
    await expect(listening).rejects.toThrow(ClosedError);
  });

  test("one that has both opens", async () => {
    const factory = loopbackFactory(new LoopbackBus(), { eventContext: "listed" }, ["request_id"]);
    const transport = await openTransport("loopback://", { drivers: [factory] });
    expect(() => transport.require({ eventContext: "listed" })).not.toThrow();
    expect(() => transport.require({ eventContext: "filtered" })).toThrow(NotSupportedError);
    await transport.close();
  });
});

test("an opening that was aborted before asks no driver (E1)", async () => {
  const factory = loopbackFactory();
  const opening = openTransport("loopback://", { drivers: [factory], signal: AbortSignal.abort("no") });
  await expect(opening).rejects.toThrow(AbortError);
  await expect(opening).rejects.toMatchObject({ cause: "no" });
  expect(factory.opened).toEqual([]);
});

test("what stands in for the process's own is what the driver gets", async () => {
  const factory = loopbackFactory();
  const ids = ["first", "second"];
  const transport = await openTransport("loopback://", { drivers: [factory], newId: () => ids.shift() ?? "more" });
  expect(factory.opened[0]?.name).toBe("loopback-first");
  await transport.close();
});
