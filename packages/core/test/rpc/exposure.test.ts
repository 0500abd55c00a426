import { expect, test } from "vitest";
import { InvalidArgumentError, NoSuchMethodError } from "../../src/errors.js";
import { expose } from "../../src/rpc/endpoint.js";
import type { ServerOptions } from "../../src/rpc/server-options.js";
import { openWorld } from "../support/rpc-world.js";

const endpoint = {
  open: expose(() => "open"),
  shut: () => "shut",
  _hidden: expose(() => "hidden"),
};

const REACHABLE: [string, ServerOptions, string[]][] = [
  ["by default", {}, ["open", "shut"]],
  ["public", { exposure: "public" }, ["open", "shut"]],
  ["explicit", { exposure: "explicit" }, ["open"]],
  ["a function", { exposure: (_object, name) => name === "shut" }, ["shut"]],
];

test.each(REACHABLE)("what callers reach, %s", async (_name, options, reachable) => {
  const { transport } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, endpoint, options);
  const client = transport.client({ topic: "t" });
  const names = [...Object.keys(endpoint), "constructor", "__proto__", "toString", "hasOwnProperty", "then"];
  for (const name of names) {
    const call = client.call(name);
    if (reachable.includes(name)) await expect(call).resolves.toBe(name);
    else await expect(call).rejects.toBeInstanceOf(NoSuchMethodError);
  }
});

test.each([
  [{ exposure: "private" }, /exposure must be "public", "explicit" or a function/],
  [{ exposeStack: "no" }, /exposeStack must be true or false/],
  [{ expectedErrors: [{}] }, /expectedErrors must be a list of error classes/],
  [{ expectedErrors: Error }, /expectedErrors must be a list of error classes/],
  [{ workers: 4 }, /does not know "workers"/],
  [null, /must be an object/],
])("the server options %j are refused", async (options, message) => {
  const { transport, bus } = await openWorld();
  const serving = transport.serve({ topic: "t", server: "s" }, endpoint, options as never);
  await expect(serving).rejects.toThrow(InvalidArgumentError);
  await expect(serving).rejects.toThrow(message);
  expect(bus.listeners.size).toBe(0);
});

test("a policy that hides everything is refused when serving, not when called", async () => {
  const { transport } = await openWorld();
  const serving = transport.serve({ topic: "t", server: "s" }, { m: () => 1 }, { exposure: "explicit" });
  await expect(serving).rejects.toThrow(/exposes no method/);
});
