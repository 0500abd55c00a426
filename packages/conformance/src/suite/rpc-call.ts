// Over 300 lines: a dozen small cases about one promise, a call's outcome, read best as one list.
import { InvalidTargetError, NoSuchMethodError, VersionCapError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { rpcProbe } from "../probes.js";
import { shuffled } from "../seeded.js";

/** B1, B9: a call has one outcome, its own. */
export const rpcCallCases: readonly ConformanceCase[] = [
  {
    id: "CALL-01",
    title: "one server; a call returns what the handler returned, and the handler ran once",
    group: "rpc.call",
    clauses: ["A1", "B1"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      const params = { id: "m1", nested: { list: [1, "two", null, true] }, text: "ä€😀" };
      const reply = await history.record("m1", [["s1"]], () => client.call("echo", params));
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
      sameValue("the reply", reply, { by: "s1", params });
    },
  },
  {
    id: "CALL-02",
    title: "a handler that returns nothing answers null",
    group: "rpc.call",
    clauses: ["B1", "D2"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = { nothing: () => undefined, later: async () => {}, empty: () => null };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      for (const method of ["nothing", "later", "empty"]) {
        sameValue(`the reply of ${method}`, await t.within(method, client.call(method)), null);
        t.saw();
      }
    },
  },
  {
    id: "CALL-03",
    title: "sync, async and thenable handlers each answer with the awaited value",
    group: "rpc.call",
    clauses: ["B1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = {
        sync: () => "now",
        async: async () => "soon",
        thenable: () => ({
          // biome-ignore lint/suspicious/noThenProperty: a thenable that is no Promise is what this case is about
          then: (resolve: (value: string) => void) => setImmediate(resolve, "later"),
        }),
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const replies = await t.within(
        "three calls",
        Promise.all([client.call("sync"), client.call("async"), client.call("thenable")]),
      );
      t.saw(replies.length);
      sameValue("the replies", replies, ["now", "soon", "later"]);
    },
  },
  {
    id: "CALL-04",
    title: "100 calls one after another to three servers; each runs once in total",
    group: "rpc.call",
    clauses: ["A2", "B1", "B12"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      for (let n = 1; n <= 100; n++) {
        const id = `m${n}`;
        const reply = await history.record(id, [names], () => client.call<{ by: string }>("echo", { id }));
        if (reply === undefined) break; // verify names it; the other calls would only take time
        check(
          history.countOf(id, reply.by) === 1,
          `${id}: ${reply.by} answered, but handled it ${history.countOf(id, reply.by)} times`,
        );
      }
      await t.verify(history);
    },
  },
  {
    id: "CALL-05",
    title: "two calls in flight answered in reverse order; each caller gets its own reply",
    group: "rpc.call",
    clauses: ["B9"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gates = { first: t.gate(), second: t.gate() };
      const endpoint = {
        first: () => gates.first.pass("of the first"),
        second: () => gates.second.pass("of the second"),
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const first = client.call("first");
      const second = client.call("second");
      const both = t.later(Promise.all([first, second]));
      await t.within("both handlers to run", Promise.all([gates.first.arrived(1), gates.second.arrived(1)]));
      t.saw(2);
      gates.second.open();
      gates.first.open();
      sameValue("the replies", await t.within("both replies", both), ["of the first", "of the second"]);
    },
  },
  {
    id: "CALL-06",
    title: "200 calls at once, answered in a random order; reply i belongs to request i",
    group: "rpc.call",
    clauses: ["B1", "B9"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const total = 200;
      const finish = new Map<string, () => void>();
      const held = (id: string): Promise<void> => new Promise((resolve) => finish.set(id, resolve));
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1", held), { concurrency: total });
      const client = (await t.open()).client({ topic });
      const ids = Array.from({ length: total }, (_, n) => `m${n}`);
      const replies = ids.map((id) =>
        history.record(id, [["s1"]], () => client.call("echo", { id, mark: `for ${id}` })),
      );
      await t.until(
        "all handlers to run",
        () => finish.size === total,
        () => `${finish.size} of ${total} run`,
      );
      for (const id of shuffled(ids, t.random)) finish.get(id)?.();
      const values = await t.within("all replies", Promise.all(replies));
      await t.verify(history);
      for (const [n, id] of ids.entries()) {
        sameValue(`the reply of ${id}`, values[n], { by: "s1", params: { id, mark: `for ${id}` } });
      }
    },
  },
  {
    id: "CALL-07",
    title: "two clients on one transport and one on another, same method; no reply crosses",
    group: "rpc.call",
    clauses: ["B9"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(
        await t.open(),
        { topic, server: "s1" },
        rpcProbe(history, "s1", () => gate.pass()),
      );
      const shared = await t.open();
      const clients = [shared.client({ topic }), shared.client({ topic }), (await t.open()).client({ topic })];
      const replies = clients.flatMap((client, owner) =>
        Array.from({ length: 10 }, (_, n) => {
          const id = `c${owner}-${n}`;
          return history.record(id, [["s1"]], () => client.call("echo", { id }));
        }),
      );
      await t.within("all handlers to run", gate.arrived(30));
      gate.open();
      const values = await t.within("all replies", Promise.all(replies));
      await t.verify(history);
      const expected = clients.flatMap((_, owner) =>
        Array.from({ length: 10 }, (__, n) => ({ by: "s1", params: { id: `c${owner}-${n}` } })),
      );
      sameValue("the replies", values, expected);
    },
  },
  {
    id: "CALL-08",
    title: "a handler calls another server of its own transport, each at concurrency 1; it completes",
    group: "rpc.call",
    clauses: ["B1", "B13"],
    needs: ["rpc"],
    async run(t) {
      const [front, back] = [t.name("front"), t.name("back")];
      const transport = await t.open();
      await t.serve(
        transport,
        { topic: back, server: "b" },
        { half: ({ n }: { n: number }) => n / 2 },
        { concurrency: 1 },
      );
      const inner = transport.client({ topic: back });
      const endpoint = { quarter: async ({ n }: { n: number }) => (await inner.call<number>("half", { n })) / 2 };
      await t.serve(transport, { topic: front, server: "f" }, endpoint, { concurrency: 1 });
      const client = transport.client({ topic: front });
      const replies = await t.within(
        "nested calls",
        Promise.all([8, 16, 24].map((n) => client.call<number>("quarter", { n }))),
      );
      t.saw(replies.length);
      sameValue("the replies", replies, [2, 4, 6]);
    },
  },
  {
    id: "CALL-09",
    title: "a call with a fanout target is refused, and nothing is sent",
    group: "rpc.call",
    clauses: ["A7", "G"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      await t.refuses(
        "a call to a fanout target",
        () => transport.client({ topic, fanout: true }).call("echo", { id: "refused" }),
        InvalidTargetError,
      );
      await history.record("fence", [["s1"]], () => transport.client({ topic }).call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "CALL-10",
    title: "a target without a topic is refused",
    group: "rpc.call",
    clauses: ["A1", "G"],
    needs: ["rpc"],
    async run(t) {
      const transport = await t.open();
      await t.refuses("a call without a topic", () => transport.client({}).call("echo"), InvalidTargetError);
      await t.refuses(
        "a cast without a topic",
        () => transport.client({ version: "1.0" }).cast("echo"),
        InvalidTargetError,
      );
      await t.refuses(
        "a server without a topic",
        () => transport.serve({ server: "s1" }, { echo: () => null }),
        InvalidTargetError,
      );
    },
  },
  {
    id: "CALL-11",
    title: "to() overrides server, namespace, version and timeout; the client it came from is unchanged",
    group: "rpc.call",
    clauses: ["A1", "A3", "B3"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const topic = t.name("compute");
      const endpoints = (server: string): object[] => [
        { where: () => `${server}/plain` },
        { target: { namespace: "admin", version: "2.3" }, where: () => `${server}/admin` },
      ];
      for (const server of ["s1", "s2"]) await t.serve(await t.open(), { topic, server }, endpoints(server));
      const base = (await t.open()).client({ topic, server: "s1" });
      const before = { ...base.target };
      const ask = (client: typeof base): Promise<unknown> => t.within("where", client.call("where"));
      sameValue("base", await ask(base), "s1/plain");
      sameValue("other server", await ask(base.to({ server: "s2" })), "s2/plain");
      const admin = base.to({ namespace: "admin", version: "2.1" });
      sameValue("other namespace", await ask(admin), "s1/admin");
      sameValue("unset again", await ask(admin.to({ namespace: undefined, version: undefined })), "s1/plain");
      sameValue("other timeout", await ask(base.to({ timeoutMs: 4_000 * t.timing.scale })), "s1/plain");
      sameValue("base after all", await ask(base), "s1/plain");
      sameValue("the base client's target", { ...base.target }, before);
      t.saw(6);
    },
  },
  {
    id: "CALL-12",
    title: "a capped client refuses what is above its cap, says so first, and sends what is below",
    group: "rpc.call",
    clauses: ["B4", "G"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const endpoint = { target: { version: "1.9" }, ...rpcProbe(history, "s1") };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic, version: "1.4" }, { versionCap: "1.5" });
      check(
        client.canSend() && client.canSend("1.5") && !client.canSend("1.6") && !client.canSend("2.0"),
        "canSend() disagrees with the cap 1.5",
      );
      const above = client.to({ version: "1.6" });
      await t.rejects("a call above the cap", above.call("echo", { id: "above" }), VersionCapError);
      await t.rejects("a cast above the cap", above.cast("note", { id: "above" }), VersionCapError);
      await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      await t.verify(history);
      await t.rejects("a method that is not there", client.call("nowhere"), NoSuchMethodError);
    },
  },
];
