import { AbortError, NotSupportedError, type ServerCall, UnreachableError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue } from "../check.js";
import { nextTurn } from "../next-turn.js";
import { rpcProbe } from "../probes.js";

/** B7: a caller's abort ends the call at once. */
export const cancellationCases: readonly ConformanceCase[] = [
  {
    id: "TIME-07",
    title: "aborted before it is sent: AbortError with the signal's reason, and nothing is delivered",
    group: "timeouts",
    clauses: ["B7", "G"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      const client = transport.client({ topic });
      const reason = new Error("changed my mind");
      const signal = AbortSignal.abort(reason);
      const error = await t.rejects("the call", client.call("echo", { id: "aborted" }, { signal }), AbortError);
      check(error.cause === reason, "the AbortError's cause is not the signal's reason");
      await t.rejects("the cast", client.cast("note", { id: "aborted" }, { signal }), AbortError);
      if (t.claims.fanout)
        await t.rejects("the fanout", client.fanout("note", { id: "aborted" }, { signal }), AbortError);
      if (t.claims.events) {
        await t.listen(await t.open(), topic, { info: () => history.handled("aborted event", "listener") });
        const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
        await t.rejects("the event", notifier.info("kit.event", null, { signal }), AbortError);
      }
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "TIME-08",
    title: "aborted in flight: AbortError at once, and the reply that comes later is ignored",
    group: "timeouts",
    clauses: ["B7", "B9"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { ...rpcProbe(history, "s1"), hold: () => gate.pass("too late") };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const rejected = t.rejects("the call", client.call("hold", {}, { signal: controller.signal }), AbortError);
      await t.within("the handler to run", gate.arrived(1));
      const began = performance.now();
      controller.abort(reason);
      const error = await rejected;
      atMost("milliseconds until the caller had its AbortError", performance.now() - began, t.ms(500));
      check(error.cause === reason, "the AbortError's cause is not the signal's reason");
      gate.open();
      const ids = Array.from({ length: 20 }, (_, n) => `m${n}`);
      const replies = ids.map((id) => history.record(id, [["s1"]], () => client.call("echo", { id })));
      const values = await t.within("20 calls", Promise.all(replies));
      await t.verify(history);
      sameValue(
        "the replies",
        values,
        ids.map((id) => ({ by: "s1", params: { id } })),
      );
    },
  },
  {
    id: "TIME-09",
    title: "aborted after the reply: neither the result nor the next call is touched",
    group: "timeouts",
    clauses: ["B7"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      const controller = new AbortController();
      const { signal } = controller;
      const reply = await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }, { signal }));
      controller.abort();
      sameValue("the reply", reply, { by: "s1", params: { id: "m1" } });
      await history.record("m2", [["s1"]], () => client.call("echo", { id: "m2" }));
      await t.verify(history);
    },
  },
  {
    id: "TIME-13",
    title: "the caller's abort reaches the handler's signal; a call that still waited is never dispatched",
    group: "timeouts",
    clauses: ["B7"],
    needs: ["rpc", "cancel"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const fired = t.gate();
      const endpoint = {
        ...rpcProbe(history, "s1"),
        async hold(_: object, call: ServerCall) {
          call.signal.addEventListener("abort", () => void fired.pass());
          await gate.pass();
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint, { concurrency: 1, credit: 10 });
      // Long after all that is waited for here: a deadline fires the handler's signal too, and drops what still waits.
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(60_000) });
      const controller = new AbortController();
      const { signal } = controller;
      const held = t.rejects("the held call", client.call("hold", {}, { signal }), AbortError);
      await t.within("the handler to run", gate.arrived(1));
      const waiting = t.rejects("the waiting call", client.call("echo", { id: "cancelled" }, { signal }), AbortError);
      controller.abort();
      await Promise.all([held, waiting]);
      await t.within("the handler's signal to fire", fired.arrived(1));
      gate.open();
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "TIME-18",
    title: "aborted while it waits for a server: a cast is AbortError at once, and the server that comes never sees it",
    group: "timeouts",
    clauses: ["B7"],
    needs: ["rpc", "undeliverable=no-listener"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const client = (await t.open()).client({ topic });
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error("changed my mind");
      const cast = t.later(client.cast("note", { id: "aborted" }, { signal }));
      let early: unknown;
      cast.catch((error: unknown) => {
        early = error;
      });
      await nextTurn();
      if (early instanceof UnreachableError) {
        // Who knows at once that nobody is there has nothing to wait for (A7).
        t.saw();
        t.note("the cast was refused before it could be aborted");
        return;
      }
      const rejected = t.rejects("the cast", cast, AbortError);
      const began = performance.now();
      controller.abort(reason);
      const error = await rejected;
      atMost("milliseconds until the sender had its AbortError", performance.now() - began, t.ms(500));
      check(error.cause === reason, "the AbortError's cause is not the signal's reason");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      await history.record("fence", [["s1"]], () => client.cast("note", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "TIME-R3",
    title: "cancel not claimed: asking for it at start-up is refused; an abort still ends the call for its caller",
    group: "timeouts",
    clauses: ["B7", "H"],
    needs: ["rpc", "!cancel"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() });
      const transport = await t.open();
      const error = await t.refuses("require", () => transport.require({ cancel: true }), NotSupportedError);
      sameValue("the capability", error.capability, "cancel");
      const controller = new AbortController();
      const call = transport.client({ topic }).call("hold", {}, { signal: controller.signal });
      const rejected = t.rejects("the call", call, AbortError);
      await t.within("the handler to run", gate.arrived(1));
      controller.abort();
      await rejected;
      gate.open();
    },
  },
];
