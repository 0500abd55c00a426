import type { JsonObject, ServerCall } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { wholeContext } from "../whole-context.js";

/** A context with names that a wire format might want for itself. */
const CONTEXT: JsonObject = {
  tenant: "acme",
  roles: ["a", "b"],
  nested: { deep: [1, null, true], "odd key": "ä😀" },
  version: "9.9",
  method: "not a method",
  id: "not an id",
  _unique_id: "no",
};

/** D1, D5: the context arrives equal and goes along; what travels beside it too. */
export const contextCases: readonly ConformanceCase[] = [
  {
    id: "CTX-01",
    title: "the context arrives equal by call, cast, fanout and event, as the handler's own copy",
    group: "context",
    clauses: ["D1", "C1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      // Its own: what a driver does to it must not reach another run.
      const context = structuredClone(CONTEXT);
      const seen = new Map<string, unknown>();
      const take = ({ kind }: { kind: string }, { context }: ServerCall): null => {
        seen.set(kind, structuredClone(context));
        // What is empty may be one frozen object for all.
        if (kind !== "none") Object.assign(context, { changed: kind });
        return null;
      };
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, { take });
      const transport = await t.open();
      const client = transport.client({ topic }, { context });
      await t.within("a call", client.call("take", { kind: "call" }));
      await t.within("a cast", client.cast("take", { kind: "cast" }));
      if (t.claims.fanout) await t.within("a fanout", client.fanout("take", { kind: "fanout" }));
      if (t.claims.events) {
        await t.listen(host, topic, { info: ({ context }) => void seen.set("event", context) });
        const notifier = transport.notifier({ publisherId: "kit", topics: [topic], contextFilter: wholeContext });
        await t.within("an event", notifier.info("kit.event", null, { context }));
      }
      const kinds = ["call", "cast", ...(t.claims.fanout ? ["fanout"] : []), ...(t.claims.events ? ["event"] : [])];
      await t.until(
        "all to arrive",
        () => seen.size === kinds.length,
        () => [...seen.keys()],
      );
      t.saw(seen.size);
      for (const kind of kinds) sameValue(`the context of the ${kind}`, seen.get(kind), CONTEXT);
      check(!("changed" in context), "a handler's change to its context reached the sender's");
      await t.within("a call without context", transport.client({ topic }).call("take", { kind: "none" }));
      sameValue("no context", seen.get("none"), {});
    },
  },
  {
    id: "CTX-02",
    title: "100 calls at once, each with a context of its own: handler i sees context i",
    group: "context",
    clauses: ["D1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = {
        async own(_: object, call: ServerCall) {
          const before = call.context["n"];
          await gate.pass();
          return [before, call.context["n"]];
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint, { concurrency: 100 });
      const client = (await t.open()).client({ topic });
      const calls = Array.from({ length: 100 }, (_, n) => client.call("own", {}, { context: { n } }));
      const all = Promise.all(calls);
      const outcome = all.catch((error: unknown) => error);
      await t.within("all handlers to run", gate.arrived(100));
      gate.open();
      t.saw(100);
      sameValue(
        "what each handler saw",
        await t.within("all replies", outcome),
        calls.map((_, n) => [n, n]),
      );
    },
  },
  {
    id: "CTX-03",
    title: "a call inside a handler carries the handler's context; one of its own replaces it; two never mix",
    group: "context",
    clauses: ["D1"],
    needs: ["rpc"],
    async run(t) {
      const [front, back] = [t.name("front"), t.name("back")];
      const transport = await t.open();
      const gate = t.gate();
      await t.serve(transport, { topic: back, server: "b" }, { own: (_: object, call: ServerCall) => call.context });
      const inner = transport.client({ topic: back });
      const endpoint = {
        async relay() {
          await gate.pass();
          return [await inner.call("own"), await inner.call("own", {}, { context: { own: true } })];
        },
      };
      await t.serve(transport, { topic: front, server: "f" }, endpoint);
      const client = transport.client({ topic: front });
      const calls = [1, 2, 3].map((n) => client.call("relay", {}, { context: { n } }));
      const all = Promise.all(calls).catch((error: unknown) => error);
      await t.within("three handlers to run", gate.arrived(3));
      gate.open();
      t.saw(3);
      sameValue(
        "the contexts of the nested calls",
        await t.within("all replies", all),
        [1, 2, 3].map((n) => [{ n }, { own: true }]),
      );
      sameValue("outside of a handler", await t.within("a call", inner.call("own")), {});
    },
  },
  {
    id: "CTX-07",
    title: "method, params and context with a wire format's own names: no collision, in no direction",
    group: "context",
    clauses: ["D1", "F1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const names = [
        "args",
        "method",
        "namespace",
        "version",
        "_msg_id",
        "_reply_q",
        "id",
        "kind",
        "failure",
        "result",
        "ok",
        "type",
      ];
      const reserved = Object.fromEntries(names.map((name) => [name, `mine: ${name}`]));
      const endpoint = { mirror: (params: JsonObject, { context }: ServerCall) => ({ params, context }) };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic }, { context: reserved });
      const reply = await t.within("a call", client.call("mirror", reserved));
      t.saw();
      sameValue("what the handler saw", reply, { params: reserved, context: reserved });
      for (const failure of [{ ok: false, failure: { type: "Error", message: "no" } }, { error: "no" }, { ok: true }]) {
        const back = await t.within("a call", client.call<{ params: unknown }>("mirror", failure));
        sameValue("a result that looks like a failure", back.params, failure);
      }
    },
  },
  {
    id: "CTX-08",
    title: "headers (traceparent and the like) travel beside the context, by call, cast and event",
    group: "context",
    clauses: ["D5"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const headers = {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: "vendor=a,other=b",
        baggage: "user=alice,level=7",
      };
      const seen = new Map<string, unknown>();
      const take = ({ kind }: { kind: string }, call: ServerCall): null => {
        seen.set(kind, call.headers);
        return null;
      };
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, { take });
      const transport = await t.open();
      const client = transport.client({ topic });
      await t.within("a call", client.call("take", { kind: "call" }, { headers }));
      await t.within("a cast", client.cast("take", { kind: "cast" }, { headers }));
      if (t.claims.events) {
        await t.listen(host, topic, { info: (_, call) => void seen.set("event", call.headers) });
        const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
        await t.within("an event", notifier.info("kit.event", null, { headers }));
      }
      const kinds = ["call", "cast", ...(t.claims.events ? ["event"] : [])];
      await t.until(
        "all to arrive",
        () => seen.size === kinds.length,
        () => [...seen.keys()],
      );
      t.saw(seen.size);
      for (const kind of kinds) sameValue(`the headers of the ${kind}`, seen.get(kind), headers);
      await t.within("a call without headers", client.call("take", { kind: "none" }));
      sameValue("no headers", seen.get("none"), {});
    },
  },
];
