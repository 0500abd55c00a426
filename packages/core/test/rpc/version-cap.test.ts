import { expect, test } from "vitest";
import { InvalidArgumentError, VersionCapError } from "../../src/errors.js";
import { openWorld } from "../support/rpc-world.js";

test("a request above the cap is refused at the client, and the client can ask first (B4)", async () => {
  const { transport, bus } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { target: { version: "1.9" }, m: () => "here" });
  const client = transport.client({ topic: "t", version: "1.4" }, { versionCap: "1.3" });
  expect(client.canSend()).toBe(false);
  expect(client.canSend("1.3")).toBe(true);
  expect(client.canSend("1.3.1")).toBe(false);
  expect(client.canSend("1.2.7")).toBe(true);
  expect(client.canSend("2.0")).toBe(false);
  for (const attempt of [client.call("m"), client.cast("m"), client.fanout("m")]) {
    const error = await attempt.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(VersionCapError);
    expect(error).toMatchObject({ code: "ERR_VERSION_CAP", version: "1.4", versionCap: "1.3", retryable: false });
    expect(String(error)).toMatch(/canSend\(\)/);
  }
  expect(bus.sent).toEqual([]);
  expect(await client.to({ version: "1.3" }).call("m")).toBe("here");
});

test("without a version 1.0 is asked for, which a cap of another major forbids", async () => {
  const { transport } = await openWorld();
  expect(transport.client({ topic: "t" }, { versionCap: "1.0" }).canSend()).toBe(true);
  expect(transport.client({ topic: "t" }, { versionCap: "2.0" }).canSend()).toBe(false);
  expect(transport.client({ topic: "t" }).canSend("99.0")).toBe(true);
});

test("a version that is none is refused wherever it is given", async () => {
  const { transport } = await openWorld();
  expect(() => transport.client({ topic: "t" }, { versionCap: "1" })).toThrow(/versionCap must be "major\.minor"/);
  expect(() => transport.client({ topic: "t", version: "x" })).toThrow(/target\.version must be "major\.minor"/);
  expect(() => transport.client({ topic: "t" }).canSend("")).toThrow(InvalidArgumentError);
});
