import { InvalidArgumentError, type ServerCall, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, atMost, check, sameValue } from "../check.js";
import { census } from "../leaks.js";
import { nextTurn } from "../next-turn.js";
import { rpcProbe } from "../probes.js";

/** B6: a call ends at its deadline, not before and not much after, and the deadline goes along. */
export const timeoutCases: readonly ConformanceCase[] = [
  {
    id: "TIME-01",
    title: "the handler is held: the call is TimeoutError, not before its timeout and not long after",
    group: "timeouts",
    clauses: ["B6", "G"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() });
      const client = (await t.open()).client({ topic });
      const timeoutMs = 300;
      const began = performance.now();
      await t.rejects("the call", client.call("hold", {}, { timeoutMs }), TimeoutError);
      const took = performance.now() - began;
      // Timers may fire up to a millisecond early by the other clock.
      atLeast("milliseconds until the timeout", took, timeoutMs - 2);
      atMost("milliseconds until the timeout", took, timeoutMs + t.ms(1_000));
      sameValue("handlers that ran", gate.entered, 1);
    },
  },
  {
    id: "TIME-03",
    title: "a call's own timeout beats the client's; 0, negative, NaN and Infinity are refused",
    group: "timeouts",
    clauses: ["B6", "G"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass(), alive: () => "yes" });
      const transport = await t.open();
      const patient = transport.client({ topic }, { timeoutMs: t.ms(20_000) });
      await t.rejects("a short call of a patient client", patient.call("hold", {}, { timeoutMs: 100 }), TimeoutError);
      const hasty = transport.client({ topic }, { timeoutMs: 50 });
      const held = t.later(hasty.call("hold", {}, { timeoutMs: t.ms(4_000) }));
      const outcome = held.catch((error: unknown) => error);
      await t.rejects("a short call of a hasty client", hasty.call("hold"), TimeoutError);
      gate.open();
      sameValue("the long call of the hasty client", await t.within("its reply", outcome), null);
      for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await t.refuses(`timeoutMs ${timeoutMs}`, () => patient.call("alive", {}, { timeoutMs }), InvalidArgumentError);
        await t.refuses(
          `a client with timeoutMs ${timeoutMs}`,
          () => transport.client({ topic }, { timeoutMs }),
          InvalidArgumentError,
        );
      }
    },
  },
  {
    id: "TIME-04",
    title: "replies that come after the timeout harm nothing: the next 50 calls get their own",
    group: "timeouts",
    clauses: ["B6", "B9"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { ...rpcProbe(history, "s1"), hold: () => gate.pass("too late") };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      // With this the way to the server is there: a call that ends before its handler runs has no late reply.
      await history.record("first", [["s1"]], () => client.call("echo", { id: "first" }));
      const late = Array.from({ length: 10 }, (_, n) =>
        t.rejects(`held call ${n}`, client.call("hold", {}, { timeoutMs: t.ms(150) }), TimeoutError),
      );
      await t.within("the handlers to run", gate.arrived(10));
      await Promise.all(late);
      gate.open();
      const ids = Array.from({ length: 50 }, (_, n) => `m${n}`);
      const replies = ids.map((id) => history.record(id, [["s1"]], () => client.call("echo", { id })));
      const values = await t.within("50 calls", Promise.all(replies));
      await t.verify(history);
      sameValue(
        "the replies",
        values,
        ids.map((id) => ({ by: "s1", params: { id } })),
      );
    },
  },
  {
    id: "TIME-05",
    title: "1 000 calls time out: nothing is held for any of them, and the next calls are right",
    group: "timeouts",
    clauses: ["B6", "E4"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { ...rpcProbe(history, "s1"), hold: () => gate.pass("too late") };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint, { concurrency: 1_000 });
      const client = (await t.open()).client({ topic });
      await history.record("first", [["s1"]], () => client.call("echo", { id: "first" }));
      const before = census();
      const left = (): string[] =>
        [...census()]
          .filter(([kind, count]) => count > (before.get(kind) ?? 0))
          .map(([kind, count]) => `${count} ${kind}`);
      const calls = Array.from({ length: 1_000 }, (_, n) =>
        // Long enough for a slow machine to have all of them at their server before the first is over.
        t.rejects(`call ${n}`, client.call("hold", {}, { timeoutMs: t.ms(2_000) }), TimeoutError),
      );
      await t.within("all handlers to run", gate.arrived(1_000));
      await Promise.all(calls);
      await t.until("timers and all else to be as before", () => left().length === 0, left);
      gate.open();
      for (let n = 0; n < 20; n++) {
        const id = `m${n}`;
        const reply = await history.record(id, [["s1"]], () => client.call("echo", { id }));
        sameValue("the reply", reply, { by: "s1", params: { id } });
      }
      await t.verify(history);
    },
  },
  {
    id: "TIME-06",
    title: "short calls beside one that is held: the shorts succeed, the long one ends on time",
    group: "timeouts",
    clauses: ["B6", "B9"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { ...rpcProbe(history, "s1"), hold: () => gate.pass() };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const timeoutMs = 500;
      const began = performance.now();
      const long = t.rejects("the held call", client.call("hold", {}, { timeoutMs }), TimeoutError);
      const ended = long.then(() => performance.now() - began);
      let isOver = false;
      void ended
        .finally(() => {
          isOver = true;
        })
        .catch(() => {});
      for (let n = 0; !isOver; n++) {
        const id = `m${n}`;
        await history.record(id, [["s1"]], () => client.call("echo", { id }));
        await nextTurn();
      }
      const took = await ended;
      atLeast("milliseconds until the timeout", took, timeoutMs - 2);
      atMost("milliseconds until the timeout", took, timeoutMs + t.ms(1_000));
      await t.verify(history);
    },
  },
  {
    id: "TIME-14",
    title: "the deadline travels: a handler sees what is left, and its signal fires when it has passed",
    group: "timeouts",
    clauses: ["B6"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const left: number[] = [];
      const gate = t.gate();
      const fired = t.gate();
      const endpoint = {
        async hold(_: object, call: ServerCall) {
          left.push(call.remainingMs);
          call.signal.addEventListener("abort", () => void fired.pass());
          await gate.pass();
        },
        left: (_: object, call: ServerCall) => left.push(call.remainingMs),
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const timeoutMs = t.ms(1_000);
      const held = t.rejects("the held call", client.call("hold", {}, { timeoutMs }), TimeoutError);
      await t.within("the handler to run", gate.arrived(1));
      await held;
      await t.within("the handler's signal", fired.arrived(1));
      await t.within("a cast", client.cast("left"));
      await t.until("the cast's handler", () => left.length === 2);
      const [ofCall = 0, ofCast = 0] = left;
      t.saw(2);
      check(
        ofCall > 0 && ofCall <= timeoutMs + 2,
        `of a timeout of ${timeoutMs} ms, ${ofCall} ms were left on arrival`,
      );
      sameValue("what is left for a cast", ofCast, Number.POSITIVE_INFINITY);
    },
  },
  {
    id: "TIME-15",
    title: "a call made inside a handler is never later than the handler's own deadline",
    group: "timeouts",
    clauses: ["B6"],
    needs: ["rpc"],
    async run(t) {
      const [front, back] = [t.name("front"), t.name("back")];
      const transport = await t.open();
      await t.serve(
        transport,
        { topic: back, server: "b" },
        { left: (_: object, call: ServerCall) => call.remainingMs },
      );
      const inner = transport.client({ topic: back }, { timeoutMs: t.ms(60_000) });
      await t.serve(transport, { topic: front, server: "f" }, { relay: () => inner.call<number>("left") });
      const timeoutMs = t.ms(4_000);
      const client = transport.client({ topic: front });
      const left = await t.within("the nested call", client.call<number>("relay", {}, { timeoutMs }));
      t.saw();
      check(
        left > 0 && left <= timeoutMs + 2,
        `the inner handler had ${left} ms left, of an outer deadline of ${timeoutMs} ms`,
      );
      const free = await t.within("a call of its own", inner.call<number>("left"));
      check(free > timeoutMs + 2, `outside of a handler a call of 60 s had only ${free} ms left`);
    },
  },
  {
    id: "TIME-16",
    title: "a request whose deadline passed while it waited is never dispatched",
    group: "timeouts",
    clauses: ["B6", "B12"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { ...rpcProbe(history, "s1"), hold: () => gate.pass() };
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, endpoint, { concurrency: 1, credit: 20 });
      const other = t.name("other");
      const otherGate = t.gate();
      await t.serve(host, { topic: other, server: "s1" }, { echo: () => null, hold: () => otherGate.pass() });
      const caller = await t.open();
      const client = caller.client({ topic });
      const first = client.call("hold");
      const outcome = first.catch((error: unknown) => error);
      await t.within("the first handler to run", gate.arrived(1));
      const waiting = Array.from({ length: 5 }, (_, n) =>
        t.rejects(`waiting call ${n}`, client.call("echo", { id: `expired ${n}` }, { timeoutMs: 100 }), TimeoutError),
      );
      // Their time left began to run when they arrived, which they have once this is answered; twice as long has passed
      // when the last of these calls is over.
      await t.within("a reply to what was sent behind them", caller.client({ topic: other }).call("echo"));
      const held = caller.client({ topic: other }).call("hold", {}, { timeoutMs: 200 });
      await t.rejects("a call that only lets time pass", held, TimeoutError);
      otherGate.open();
      await Promise.all(waiting);
      gate.open();
      sameValue("the first call", await t.within("its reply", outcome), null);
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
];
