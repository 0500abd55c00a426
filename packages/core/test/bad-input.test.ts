/** Input that is wrong, one test for each kind: which class it meets, which code, and that the message says what to do. */
import { describe, expect, test } from "vitest";
import {
  DriverNotFoundError,
  InvalidArgumentError,
  InvalidTargetError,
  InvalidTransportUrlError,
  MessageTooLargeError,
  type MessagingError,
  SerializationError,
} from "../src/errors.js";
import { openTransport } from "../src/open-transport.js";
import { loopbackFactory } from "./support/loopback-driver.js";
import { openWorld } from "./support/rpc-world.js";

type ErrorKind = abstract new (...args: never[]) => MessagingError;

/** Expects a rejection of exactly this class, with its code, whose message holds every part. */
async function expectRefusal(
  attempt: Promise<unknown>,
  kind: ErrorKind,
  code: string,
  ...parts: RegExp[]
): Promise<void> {
  const error = await attempt.then(
    () => {
      throw new Error("it was not refused");
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(kind);
  expect(error).toMatchObject({ code, retryable: false, name: kind.name });
  for (const part of parts) expect((error as MessagingError).message).toMatch(part);
}

describe("opening", () => {
  const drivers = [loopbackFactory()];

  test.each([
    ["no scheme", "localhost:5672", /zmq:\/\//],
    ["nothing", "", /zmq:\/\//],
    ["a space in the host", "loopback://a b", /a space.*%20/],
    ["a port that is none", "loopback://h:99999", /port/],
    ["an option given twice", "loopback://h?a=1&a=2", /twice|once/],
  ])("a wrong URL: %s", async (_name, url, part) => {
    await expectRefusal(openTransport(url, { drivers }), InvalidTransportUrlError, "ERR_INVALID_TRANSPORT_URL", part);
  });

  test("a URL that is no string", async () => {
    const opening = openTransport(5 as never, { drivers });
    await expectRefusal(opening, InvalidTransportUrlError, "ERR_INVALID_TRANSPORT_URL", /string/);
  });

  test("an unknown option of the driver, in the URL", async () => {
    const opening = openTransport("loopback://?speed=9", { drivers });
    await expectRefusal(opening, InvalidTransportUrlError, "ERR_INVALID_TRANSPORT_URL", /speed/);
    await expect(opening).rejects.toMatchObject({ part: "option:speed" });
  });

  test("an unknown option of the transport", async () => {
    const opening = openTransport("loopback://", { drivers, callTimeout: 5 } as never);
    await expectRefusal(opening, InvalidArgumentError, "ERR_INVALID_ARGUMENT", /"callTimeout"/, /callTimeoutMs/);
  });

  test("a missing driver", async () => {
    const opening = openTransport("kafkaesque://host", { drivers });
    await expectRefusal(
      opening,
      DriverNotFoundError,
      "ERR_DRIVER_NOT_FOUND",
      /kafkaesque:/,
      /@trunkline\/<scheme>.*install/,
    );
    await expect(opening).rejects.toMatchObject({ scheme: "kafkaesque" });
  });
});

describe("asking", () => {
  test("a bad name", async () => {
    const { transport } = await openWorld();
    const serving = transport.serve({ topic: "a\nb", server: "s" }, { m: () => 1 });
    await expectRefusal(serving, InvalidTargetError, "ERR_INVALID_TARGET", /topic "a\\nb"/, /control character/);
    const long = transport.serve({ topic: "x".repeat(300), server: "s" }, { m: () => 1 });
    await expectRefusal(long, InvalidTargetError, "ERR_INVALID_TARGET", /300 bytes.*at most 255/);
  });

  test("an unknown field of a target", async () => {
    const { transport } = await openWorld();
    const serving = transport.serve({ topic: "t", server: "s", queue: "q" } as never, { m: () => 1 });
    await expectRefusal(serving, InvalidTargetError, "ERR_INVALID_TARGET", /"queue"/, /exchange, topic, server/);
  });

  test("a bad version", async () => {
    const { transport } = await openWorld();
    const serving = transport.serve({ topic: "t", server: "s" }, { target: { version: "v1" }, m: () => 1 });
    await expectRefusal(serving, InvalidArgumentError, "ERR_INVALID_ARGUMENT", /"major\.minor"/, /"v1"/);
  });

  test("a bad timeout", async () => {
    const { transport } = await openWorld();
    const call = transport.client({ topic: "t" }).call("m", {}, { timeoutMs: -5 });
    await expectRefusal(call, InvalidArgumentError, "ERR_INVALID_ARGUMENT", /timeoutMs.*above 0.*got -5/);
  });

  test.each([
    ["a string", "id", /got a string/],
    ["null", null, /got null/],
    ["an array", [1], /got an array/],
    ["a number", 5, /got a number/],
    ["an instance of a class", new URL("x://y"), /got an instance of URL/],
    ["a Map", new Map(), /got an instance of Map/],
  ])("params that are no object: %s", async (_name, params, part) => {
    const { transport, bus } = await openWorld();
    const client = transport.client({ topic: "t" });
    for (const attempt of [client.call("m", params as never), client.cast("m", params as never)]) {
      const [kind, code] = [InvalidArgumentError, "ERR_INVALID_ARGUMENT"] as const;
      await expectRefusal(attempt, kind, code, /params must be a plain object such as \{ id: 1 \}/, part);
    }
    expect(bus.sent).toEqual([]);
  });

  test.each([
    [
      "client",
      { timeout: 5 },
      /^a client's options do not know "timeout"; did you mean timeoutMs\?; they know timeoutMs/,
    ],
    ["client", { context: "user" }, /context must be a plain object/],
    ["client", 5, /must be an object/],
    ["call", { timeout: 5 }, /"timeout".*timeoutMs/],
    ["call", { context: [] }, /context must be a plain object/],
    ["call", { headers: { a: 1 } }, /headers\.a must be a string/],
    ["call", { headers: { TraceParent: "x" } }, /headers.*lower case/],
    ["call", { headers: "x" }, /headers must be/],
    ["call", 5, /must be an object/],
    ["call", null, /must be an object/],
  ])("options of a %s: %j", async (where, options, part) => {
    const { transport, bus } = await openWorld();
    const asking = async (): Promise<unknown> =>
      where === "client"
        ? transport.client({ topic: "t" }, options as never)
        : await transport.client({ topic: "t" }).call("m", {}, options as never);
    await expectRefusal(asking(), InvalidArgumentError, "ERR_INVALID_ARGUMENT", part);
    if (where === "call") {
      const cast = transport.client({ topic: "t" }).cast("m", {}, options as never);
      await expectRefusal(cast, InvalidArgumentError, "ERR_INVALID_ARGUMENT", part);
    }
    expect(bus.sent).toEqual([]);
  });
});

describe("payloads", () => {
  const cycle: { list: unknown[] } = { list: [] };
  cycle.list.push(cycle);
  const refused: [string, object, string, RegExp][] = [
    ["a cycle", { a: cycle }, "params.a.list[0]", /a cycle cannot travel: this is params\.a again/],
    [
      "a Map",
      { m: new Map([[1, 2]]) },
      "params.m",
      /an instance of Map cannot travel; send a plain object or an array/,
    ],
    ["a Set", { s: [new Set()] }, "params.s[0]", /an instance of Set cannot travel/],
    ["a lone surrogate", { name: "\ud800x" }, "params.name", /lone surrogate.*toWellFormed\(\)/],
    ["NaN", { n: Number.NaN }, "params.n", /a number must be finite/],
    ["a function", { f: () => 1 }, "params.f", /a function cannot travel; leave it out/],
    ["nested too deep", deep(1_001), "params", /nested more than 1000 deep; flatten it/],
  ];

  test.each(refused)("%s", async (_name, params, path, part) => {
    const { transport, bus } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
    const client = transport.client({ topic: "t" });
    const attempts = [client.call("m", params), client.cast("m", params), client.fanout("m", params)];
    for (const attempt of attempts) {
      await expectRefusal(attempt, SerializationError, "ERR_SERIALIZATION", part);
      const error: unknown = await attempt.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ path: expect.stringContaining(path), remote: false });
    }
    expect(bus.sent).toEqual([]);
    expect(transport.stats().gauges["pending"]).toBe(0);
  });

  test("a payload of 100 MiB", async () => {
    const { transport, bus } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
    const client = transport.client({ topic: "t" });
    const params = { data: "x".repeat(100 * 1024 * 1024) };
    for (const attempt of [client.call("m", params), client.cast("m", params)]) {
      await expectRefusal(attempt, MessageTooLargeError, "ERR_MESSAGE_TOO_LARGE", /params/, /16777216/);
      await expect(attempt).rejects.toMatchObject({ maxMessageBytes: 16 * 1024 * 1024, remote: false });
    }
    expect(bus.sent).toEqual([]);
    expect(await client.call("m")).toBe(1);
  });
});

function deep(levels: number): object {
  let value: object = {};
  for (let level = 1; level < levels; level += 1) value = { in: value };
  return value;
}
