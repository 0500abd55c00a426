import { NotSupportedError, UnreachableError, UnsupportedVersionError, VersionCapError } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

/** What an endpoint implements, what is asked for, and whether that fits. */
const VERSIONS: readonly (readonly [implemented: string | undefined, asked: string | undefined, fits: boolean])[] = [
  [undefined, undefined, true],
  [undefined, "1.0", true],
  [undefined, "1.1", false],
  ["1.7", undefined, true],
  ["1.7", "1.7", true],
  ["1.7", "1.2", true],
  ["1.7", "1.8", false],
  ["1.7", "1.10", false],
  ["1.10", "1.9", true],
  ["2.3", "1.0", false],
  ["2.3", undefined, false],
  ["1.7", "2.0", false],
  ["1.7.2", "1.7.2", true],
  ["1.7.2", "1.7.3", false],
  ["1.7.2", "1.6.9", true],
];

/** Server names that are one name to both sides, whatever is in them. */
const SERVERS = [
  "host1",
  "host1@backend",
  "host1@backend#pool",
  "node1.dc.example.org",
  "a b",
  "žluť",
  "x".repeat(200),
];

interop("addresses between the two", { timeout: 60_000 }, () => {
  test.each(VERSIONS)("an endpoint at version %s, asked for %s: fits %s", async (implemented, asked, fits) => {
    const topic = fresh("versions");
    const target = implemented === undefined ? {} : { version: implemented };
    await sides.python.serve({ topic, server: "theirs" }, [target]);
    await sides.serve({ topic, server: "ours" }, new RecordingEndpoint("ours", target));
    const version = asked === undefined ? {} : { version: asked };
    const fromOurs = sides.ours.client({ topic, server: "theirs", ...version }).call("echo", { value: 1 });
    const fromPython = sides.python.call({ topic, server: "ours", ...version }, "echo", { value: 1 });
    if (fits) {
      expect(await Promise.all([fromOurs, fromPython])).toEqual([1, 1]);
      return;
    }
    const refused = sides.python.raises(fromPython);
    await expect(fromOurs).rejects.toBeInstanceOf(UnsupportedVersionError);
    expect(await refused).toMatchObject({ type: "RemoteError", exc_type: "UnsupportedVersion" });
  });

  test.each(SERVERS)("the server %j is one name to both", async (server) => {
    const topic = fresh("names");
    const theirs = await sides.python.serve({ topic, server: `${server}-1` });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: `${server}-2` }, endpoint);
    for (const [name, who] of [
      [`${server}-1`, theirs.name],
      [`${server}-2`, "ours"],
    ] as const) {
      expect(await sides.ours.client({ topic, server: name }).call("whoami")).toBe(who);
      expect(await sides.python.call({ topic, server: name }, "whoami")).toBe(who);
    }
    await sides.ours.client({ topic, server: `${server}-1` }).cast("note", { from: "ours" });
    await sides.python.cast({ topic, server: `${server}-2` }, "note", { from: "python" });
    expect((await theirs.sees(1, "note"))[0]?.args).toEqual({ from: "ours" });
    expect((await endpoint.sees(1, "note"))[0]).toMatchObject({
      params: { from: "python" },
      call: { target: { topic, server: `${server}-2` } },
    });
  });

  test.each(["ours", "python"])("calls of %s to a topic are shared between a Python server and ours", async (who) => {
    const topic = fresh("shared");
    const theirs = await sides.python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "ours" }, endpoint);
    const count = 40;
    for (let n = 0; n < count; n++) {
      if (who === "ours") await sides.ours.client({ topic }).call("echo", { value: n });
      else await sides.python.call({ topic }, "echo", { value: n });
    }
    const values = [
      ...theirs.handled("echo").map(({ args }) => args["value"]),
      ...endpoint.handled("echo").map(({ params }) => params["value"]),
    ];
    expect(values.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: count }, (_, n) => n));
    // A tenth of an even share, at least (A2).
    expect(Math.min(theirs.handled("echo").length, endpoint.handled("echo").length)).toBeGreaterThanOrEqual(count / 20);
  });

  test("casts to a topic are shared as well, each handled once", async () => {
    const topic = fresh("shared");
    const theirs = await sides.python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "ours" }, endpoint);
    const count = 40;
    for (let n = 0; n < count; n += 2) {
      await sides.ours.client({ topic }).cast("note", { n });
      await sides.python.cast({ topic }, "note", { n: n + 1 });
    }
    await until(() => theirs.handled("note").length + endpoint.handled("note").length >= count, WITHIN);
    const numbers = [
      ...theirs.handled("note").map(({ args }) => Number(args["n"])),
      ...endpoint.handled("note").map(({ params }) => Number(params["n"])),
    ];
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(Math.min(theirs.handled("note").length, endpoint.handled("note").length)).toBeGreaterThanOrEqual(count / 20);
  });

  test("casts of one client come to the other side in their order", async () => {
    const topic = fresh("ordered");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "ours" }, endpoint, { concurrency: 1 });
    for (let n = 0; n < 30; n++) await sides.python.cast({ topic, server: "ours" }, "note", { n });
    const handled = await endpoint.sees(30, "note");
    expect(handled.map(({ params }) => params["n"])).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  test("another exchange is one to both", async () => {
    const [topic, exchange] = [fresh("topic"), fresh("exchange")];
    await sides.python.serve({ topic, exchange, server: "theirs" });
    await sides.serve({ topic, exchange, server: "ours" }, new RecordingEndpoint());
    for (const server of ["theirs", "ours"]) {
      expect(await sides.ours.client({ topic, exchange, server }).call("echo", { value: 1 })).toBe(1);
      expect(await sides.python.call({ topic, exchange, server }, "echo", { value: 1 })).toBe(1);
    }
  });

  test("one topic on two exchanges, which would share its queue, is refused here", async () => {
    const topic = fresh("topic");
    const transport = await sides.open();
    await transport.serve({ topic, server: "s" }, new RecordingEndpoint());
    await expect(transport.client({ topic, exchange: fresh("exchange") }).call("echo")).rejects.toMatchObject({
      constructor: NotSupportedError,
      capability: "exchanges",
    });
  });

  test.each([
    { topic: "*" },
    { topic: "compute.#" },
    { topic: "compute", server: "*" },
    { topic: "compute", server: "host.#" },
    { topic: "notifications", server: "info" },
    { topic: "reply_1" },
    { topic: "amq.topic" },
  ])("our client refuses $topic $server, which would be something else to the broker", async (target) => {
    await expect(sides.ours.client(target).call("echo")).rejects.toMatchObject({
      constructor: NotSupportedError,
      capability: "exactNames",
    });
  });

  test("a legacy namespace is accepted beside the endpoint's own, on both sides", async () => {
    const topic = fresh("names");
    await sides.python.serve({ topic, server: "theirs" }, [{ namespace: "new", legacyNamespaces: ["old", null] }]);
    const target = { namespace: "new", legacyNamespaces: ["old", undefined] };
    await sides.serve({ topic, server: "ours" }, { target, echo: ({ value }: { value: number }) => value });
    for (const namespace of ["new", "old", undefined]) {
      const named = namespace === undefined ? {} : { namespace };
      expect(await sides.ours.client({ topic, server: "theirs", ...named }).call("echo", { value: 1 })).toBe(1);
      expect(await sides.python.call({ topic, server: "ours", ...named }, "echo", { value: 1 })).toBe(1);
    }
  });

  test("the first endpoint that fits namespace, version and method answers, on both sides", async () => {
    const topic = fresh("names");
    const specs = [
      { namespace: "vm", version: "1.2", label: "one" },
      { namespace: "vm", version: "2.0", label: "two" },
      { version: "1.5", label: "plain" },
    ];
    await sides.python.serve({ topic, server: "theirs" }, specs);
    const endpoints = specs.map(({ label, ...target }) => new RecordingEndpoint(label, target));
    await sides.serve({ topic, server: "ours" }, endpoints);
    for (const server of ["theirs", "ours"]) {
      for (const [target, who] of [
        [{ namespace: "vm", version: "1.1" }, "one"],
        [{ namespace: "vm", version: "2.0" }, "two"],
        [{ version: "1.5" }, "plain"],
      ] as const) {
        expect(await sides.ours.client({ topic, server, ...target }).call("whoami")).toBe(who);
        expect(await sides.python.call({ topic, server, ...target }, "whoami")).toBe(who);
      }
    }
  });

  test("a version cap holds on either client, before anything is sent", async () => {
    const topic = fresh("versions");
    const theirs = await sides.python.serve({ topic, server: "theirs" }, [{ version: "1.9" }]);
    const endpoint = new RecordingEndpoint("ours", { version: "1.9" });
    await sides.serve({ topic, server: "ours" }, endpoint);
    const capped = sides.ours.client({ topic, server: "theirs", version: "1.5" }, { versionCap: "1.4" });
    await expect(capped.call("echo")).rejects.toBeInstanceOf(VersionCapError);
    expect(await capped.to({ version: "1.4" }).call("echo", { value: 1 })).toBe(1);
    const call = sides.python.call({ topic, server: "ours", version: "1.5" }, "echo", {}, { version_cap: "1.4" });
    expect(await sides.python.raises(call)).toMatchObject({ type: "RPCVersionCapError", version_cap: "1.4" });
    await sides.python.call({ topic, server: "ours", version: "1.4" }, "echo", { value: 1 }, { version_cap: "1.4" });
    expect(theirs.handled()).toHaveLength(1);
    expect(endpoint.handled()).toHaveLength(1);
  });

  test("a call to a topic that never had a server fails at once here", async () => {
    const client = sides.ours.client({ topic: fresh("nobody") });
    await expect(client.call("echo")).rejects.toBeInstanceOf(UnreachableError);
    await expect(client.cast("note")).rejects.toBeInstanceOf(UnreachableError);
    expect(await client.fanout("note")).toMatchObject({ lost: 0 });
  });

  test("a handler of either side calls on with the context that came", async () => {
    const [a, b, c] = [fresh("a"), fresh("b"), fresh("c")];
    const last = await sides.python.serve({ topic: c, server: "s" });
    const next = sides.ours.client({ topic: c });
    await sides.serve({ topic: b, server: "s" }, { relay: () => next.call("context") });
    await sides.python.serve({ topic: a, server: "s" });
    const context = { user_id: "u", nested: { a: [1] } };
    const params = { transport: sides.python.transport, target: { topic: b }, method: "relay", args: {} };
    // Python's context holds its own `client_timeout`, which it sends on and which ends at our server.
    const seen = await sides.ours.client({ topic: a }, { context }).call("ask_on", params);
    expect(seen).toEqual({ ...context, client_timeout: null });
    expect(last.handled("context")[0]?.context).toEqual({ ...context, client_timeout: null });
  });
});
