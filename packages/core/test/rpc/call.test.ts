import { describe, expect, test } from "vitest";
import { InvalidTargetError, NoSuchMethodError, UnreachableError, UnsupportedVersionError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { openWorld } from "../support/rpc-world.js";

describe("a call (B1)", () => {
  test("resolves with what the handler returns, at once or later", async () => {
    const { transport } = await openWorld();
    const endpoint = {
      now: ({ a }: JsonObject) => ({ sum: Number(a) + 1 }),
      later: async ({ a }: JsonObject) => [a],
      thenable: () => ({ then: (done: (value: string) => void) => done("a thenable's") }),
      nothing: () => undefined,
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const client = transport.client({ topic: "t" });
    expect(await client.call("now", { a: 1 })).toEqual({ sum: 2 });
    expect(await client.call("later", { a: 1 })).toEqual([1]);
    expect(await client.call("thenable")).toBe("a thenable's");
    expect(await client.call("nothing")).toBeNull();
  });

  test("gives the handler its endpoint as `this`, `{}` for absent params, and what is known of the request", async () => {
    const { transport } = await openWorld();
    const seen: ServerCall[] = [];
    class Endpoint {
      readonly name = "endpoint";
      hello(params: JsonObject, call: ServerCall): unknown {
        seen.push(call);
        return [this.name, params];
      }
    }
    await transport.serve({ topic: "t", server: "s" }, new Endpoint());
    const client = transport.client({ topic: "t", server: "s" }, { context: { user: "u" } });
    expect(await client.call("hello", undefined, { headers: { traceparent: "00-1" }, timeoutMs: 500 })).toEqual([
      "endpoint",
      {},
    ]);
    const call = seen[0];
    expect(call).toMatchObject({
      method: "hello",
      context: { user: "u" },
      headers: { traceparent: "00-1" },
      target: { exchange: "default", topic: "t", server: "s", version: "1.0" },
      remainingMs: 500,
    });
    expect(call?.target).toBe(call?.target);
    expect(call?.id).toMatch(/./);
    expect(call?.peer).toMatch(/^loopback-/);
  });

  test("replies find their own call, whatever their order (B9)", async () => {
    const { transport } = await openWorld();
    const gates = Array.from({ length: 20 }, () => deferred());
    const endpoint = {
      wait: async ({ n }: JsonObject) => {
        await gates[Number(n)]?.promise;
        return n;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const client = transport.client({ topic: "t" });
    const calls = gates.map((_gate, n) => client.call("wait", { n }));
    for (const gate of [...gates].reverse()) gate.resolve();
    expect(await Promise.all(calls)).toEqual(gates.map((_gate, n) => n));
  });

  test("what was passed is encoded before call returns (D2)", async () => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { echo: (params: JsonObject) => params });
    const params = { list: [1] };
    const called = transport.client({ topic: "t" }).call("echo", params);
    params.list.push(2);
    expect(await called).toEqual({ list: [1] });
  });

  test("a handler's params are its own: changing them changes nothing of the caller's", async () => {
    const { transport } = await openWorld();
    const endpoint = { change: (params: { list: number[] }) => params.list.push(9) };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const params = { list: [1] };
    await transport.client({ topic: "t" }).call("change", params);
    expect(params).toEqual({ list: [1] });
  });
});

describe("a call that nobody answers", () => {
  test("fails as unreachable where nobody listens (A7)", async () => {
    const { transport } = await openWorld();
    const error = await transport
      .client({ topic: "t" })
      .call("m")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ code: "ERR_UNREACHABLE", retryable: true });
  });

  test("names the method, or the version, that no endpoint has (B3)", async () => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, [{ target: { namespace: "n", version: "1.2" }, m: () => 1 }]);
    const client = transport.client({ topic: "t", namespace: "n", version: "1.1" });
    const noMethod = await client.call("other").catch((reason: unknown) => reason);
    expect(noMethod).toBeInstanceOf(NoSuchMethodError);
    expect(noMethod).toMatchObject({
      code: "ERR_NO_SUCH_METHOD",
      details: { method: "other", version: "1.1", namespace: "n" },
    });
    expect(String(noMethod)).toMatch(/"s" on topic "t" has no method "other" in namespace "n" at version 1\.1/);
    const noVersion = await client
      .to({ version: "1.3" })
      .call("m")
      .catch((reason: unknown) => reason);
    expect(noVersion).toBeInstanceOf(UnsupportedVersionError);
    expect(String(noVersion)).toMatch(/no endpoint for namespace "n" at version 1\.3; it offers 1\.2$/);
    const noNamespace = client.to({ namespace: undefined }).call("m");
    await expect(noNamespace).rejects.toThrow(/has no endpoint without a namespace/);
  });

  test("speaks of no namespace where none was asked for, and of the versions that its endpoints offer there (B3)", async () => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, [
      { target: { version: "3.1" }, m: () => 3 },
      { target: { version: "1.4.2" }, m: () => 1 },
      { target: { version: "1.4.2", namespace: "old", legacyNamespaces: [undefined] }, other: () => 1 },
      { target: { version: "7.0", namespace: "n" }, m: () => 7 },
    ]);
    const client = transport.client({ topic: "t" });
    await expect(client.call("helo")).rejects.toThrow(/ has no method "helo" at version 1\.0$/);
    const error = client.to({ version: "9.0" }).call("m");
    await expect(error).rejects.toThrow(
      /^server "s" on topic "t" has no endpoint at version 9\.0; it offers 1\.4\.2, 3\.1$/,
    );
    const unknown = client.to({ namespace: "x" }).call("m");
    await expect(unknown).rejects.toThrow(/ has no endpoint for namespace "x" at version 1\.0$/);
  });

  test("a call to a fanout target is refused, and nothing is sent (A7)", async () => {
    const { transport, bus } = await openWorld();
    const call = transport.client({ topic: "t", fanout: true }).call("m");
    await expect(call).rejects.toThrow(InvalidTargetError);
    expect(bus.sent).toEqual([]);
  });

  test("a peer that dies with the call in hand leaves its outcome unknown (B12)", async () => {
    const { transport, factory, open } = await openWorld();
    const started = deferred();
    const never = deferred();
    const other = await open();
    const endpoint = {
      m: () => {
        started.resolve();
        return never.promise;
      },
    };
    await other.serve({ topic: "t", server: "s" }, endpoint);
    const call = transport.client({ topic: "t" }, { retry: { attempts: 3 } }).call("m");
    await started.promise;
    factory.opened[1]?.kill();
    await expect(call).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST", mayHaveRun: true, retryable: false });
    never.resolve();
  });
});
