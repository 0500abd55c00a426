import { UnreachableError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { nextTurn } from "../next-turn.js";
import { rpcProbe } from "../probes.js";

/** E2, E3: a server is ready when `serve` says so, drains when it stops, and is gone afterwards. */
export const serverLifecycleCases: readonly ConformanceCase[] = [
  {
    id: "LIFE-01",
    title: "serve resolves, and the very next message of another transport is handled, 30 times over",
    group: "lifecycle",
    clauses: ["E2"],
    needs: ["rpc"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const [host, sender] = [await t.open(), await t.open()];
      const seen: string[] = [];
      if (t.claims.joinLatencyMs > 0) t.note(`each join waits for the manifest's ${t.claims.joinLatencyMs} ms`);
      const rounds = t.claims.joinLatencyMs > 0 ? 5 : 30;
      for (let round = 0; round < rounds; round++) {
        const topic = t.name(`round-${round}`);
        const id = `m${round}`;
        const server = await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
        const client = sender.client({ topic });
        const kind = round % 3;
        if (kind === 0) await history.record(id, [["s1"]], () => client.call("echo", { id }));
        else if (kind === 1) await history.record(id, [["s1"]], () => client.cast("note", { id }));
        else if (t.claims.fanout) await history.record(id, [["s1"]], () => client.fanout("note", { id }));
        if (t.claims.events) {
          const listener = await t.listen(host, topic, { info: () => void seen.push(id) });
          await t.within("an event", sender.notifier({ publisherId: "kit", topics: [topic] }).info("kit.event", id));
          await t.until("the event", () => seen.at(-1) === id);
          await t.within("stop() of the listener", listener.stop());
        }
        await t.within("stop()", server.stop());
      }
      await t.verify(history);
      if (t.claims.events) sameValue("events that arrived", seen.length, rounds);
    },
  },
  {
    id: "LIFE-02",
    title: "stop and close, twice and before anything happened: one promise each, no hang, disposal too",
    group: "lifecycle",
    clauses: ["E3", "E4"],
    needs: ["rpc"],
    async run(t) {
      const transport = await t.open();
      const server = await t.serve(transport, { topic: t.name("compute"), server: "s1" }, { alive: () => "yes" });
      const stopped = server.stop();
      check(server.stop() === stopped, "stop() twice gave two promises");
      await t.within("stop()", stopped);
      sameValue("closed, after stop()", await t.within("closed", server.closed), undefined);
      await t.within("disposing a stopped server", server[Symbol.asyncDispose]());
      if (t.claims.events) {
        const listener = await t.listen(transport, t.name("events"), { info: () => {} });
        const ended = listener.stop();
        check(listener.stop() === ended, "a listener's stop() twice gave two promises");
        await t.within("stop() of the listener", ended);
        sameValue("a listener's closed", await t.within("closed", listener.closed), undefined);
      }
      const live = await t.serve(transport, { topic: t.name("compute"), server: "s1" }, { alive: () => "yes" });
      const closed = transport.close();
      check(transport.close() === closed, "close() twice gave two promises");
      await t.within("close()", closed);
      sameValue("a server's closed, after close()", await t.within("closed", live.closed), undefined);
      await t.within("stop() after close()", live.stop());
      await t.within("disposing a closed transport", transport[Symbol.asyncDispose]());
      const unused = await t.open();
      await t.within("close() of an unused transport", unused.close());
      t.saw();
    },
  },
  {
    id: "LIFE-03",
    title: "stop() with three held handlers resolves only when all three replied, and their callers have the replies",
    group: "lifecycle",
    clauses: ["E3"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      const endpoint = { hold: ({ n }: { n: number }) => gate.pass(n) };
      const server = await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const calls = Promise.allSettled([1, 2, 3].map((n) => client.call("hold", { n })));
      await t.within("three handlers to run", gate.arrived(3));
      let isStopped = false;
      const stopping = server.stop().then(() => {
        isStopped = true;
      });
      gate.release(2);
      await t.until("two handlers to end", () => gate.waiting === 1);
      await t.quiet();
      check(!isStopped, "stop() resolved while a handler still ran");
      gate.open();
      await t.within("stop()", stopping);
      const outcomes = await t.within("the replies", calls);
      t.saw(outcomes.length);
      sameValue(
        "the replies",
        outcomes,
        [1, 2, 3].map((value) => ({ status: "fulfilled", value })),
      );
    },
  },
  {
    id: "LIFE-04",
    title: "after stop() 50 casts: none at the stopped server, all at the second",
    group: "lifecycle",
    clauses: ["A2", "E3"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const first = await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      await t.serve(await t.open(), { topic, server: "s2" }, rpcProbe(history, "s2"));
      const client = (await t.open()).client({ topic });
      for (let n = 0; n < 10; n++)
        await history.record(`before ${n}`, [["s1", "s2"]], () => client.call("echo", { id: `before ${n}` }));
      await t.within("stop()", first.stop());
      const casts = Array.from({ length: 50 }, (_, n) => {
        const id = `after ${n}`;
        return history.record(id, [["s2"]], () => client.cast("note", { id }));
      });
      await t.within("all casts to be accepted", Promise.all(casts));
      await t.verify(history);
    },
  },
  {
    id: "LIFE-21",
    title: "the only server of a topic stopped: a call, a cast and a call to its name have nobody, and are told so",
    group: "lifecycle",
    clauses: ["A7", "E3"],
    needs: ["rpc", "undeliverable=no-listener"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const server = await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      await history.record("before", [["s1"]], () => client.call("echo", { id: "before" }));
      await t.within("stop()", server.stop());
      const asks: Promise<unknown>[] = [client.call("echo", { id: "after" }), client.cast("note", { id: "after" })];
      if (t.claims.serverDirected) asks.push(client.to({ server: "s1" }).call("echo", { id: "after" }));
      const told = asks.map((ask) => t.rejects("a message to a stopped server", ask, UnreachableError));
      await Promise.all(told);
      await t.verify(history);
    },
  },
  {
    id: "LIFE-06",
    title: "a handler outlives the drain time: its signal fires, stop() resolves all the same, close() too",
    group: "lifecycle",
    clauses: ["E3", "E4"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      const fired = t.gate();
      const host = await t.open();
      const endpoint = {
        async hold(_: object, call: { signal: AbortSignal }) {
          call.signal.addEventListener("abort", () => void fired.pass());
          await gate.pass();
        },
      };
      const server = await t.serve(host, { topic, server: "s1" }, endpoint, { drainTimeoutMs: 200 });
      const call = (await t.open()).client({ topic }).call("hold");
      const outcome = call.catch((error: unknown) => error);
      await t.within("the handler to run", gate.arrived(1));
      await t.within("stop()", server.stop());
      await t.within("the handler's signal", fired.arrived(1));
      t.saw();
      await t.within("close()", host.close());
      gate.open();
      const end = await t.within("the call to end", outcome, 10_000);
      check(end instanceof Error, "a call whose server left without it was answered");
      t.errors.push(end);
    },
  },
  {
    id: "LIFE-07",
    title: "serve, call, stop, 20 times on one topic and name: each call is handled once, by the server of its turn",
    group: "lifecycle",
    clauses: ["E2", "E3"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const [host, sender] = [await t.open(), await t.open()];
      const client = sender.client({ topic });
      const rounds = t.claims.joinLatencyMs > 0 ? 5 : 20;
      for (let round = 0; round < rounds; round++) {
        const turn = `turn ${round}`;
        const server = await t.serve(host, { topic, server: "s1" }, rpcProbe(history, turn));
        await history.record(`call ${round}`, [[turn]], () => client.call("echo", { id: `call ${round}` }));
        await history.record(`cast ${round}`, [[turn]], () => client.cast("note", { id: `cast ${round}` }));
        await t.until("the cast", () => history.countOf(`cast ${round}`) > 0);
        await t.within("stop()", server.stop());
      }
      await t.verify(history);
    },
  },
  {
    id: "LIFE-16",
    title: "two servers are replaced one after another under load: no call fails, none runs twice",
    group: "lifecycle",
    clauses: ["B12", "E3"],
    needs: ["rpc", "gracefulDrain"],
    timeoutMs: 40_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names: string[] = [];
      const serve = async (consumer: string) => {
        names.push(consumer);
        const host = await t.open();
        const server = await t.serve(host, { topic, server: consumer }, rpcProbe(history, consumer, nextTurn), {
          concurrency: 4,
        });
        return { host, server };
      };
      let [first, second] = [await serve("s1"), await serve("s2")];
      const clients = [(await t.open()).client({ topic }), (await t.open()).client({ topic })];
      let isOver = false;
      const load = clients.map(async (client, owner) => {
        for (let n = 0; !isOver; n++) {
          const ids = Array.from({ length: 8 }, (_, part) => `c${owner}-${n}-${part}`);
          await Promise.all(ids.map((id) => history.record(id, [names], () => client.call("echo", { id }))));
          await nextTurn();
        }
      });
      try {
        for (let turn = 1; turn <= 3; turn++) {
          const handled = history.handlings.length;
          await t.until("calls to be answered", () => history.handlings.length > handled + 20);
          await t.within("stop()", first.server.stop());
          await t.within("close()", first.host.close());
          [first, second] = [second, await serve(`s${2 + turn}`)];
        }
      } finally {
        // Where the case fails, the load ends with it.
        isOver = true;
      }
      await t.within("the last calls", Promise.all(load));
      await t.verify(history);
    },
  },
  {
    id: "LIFE-R1",
    title: "gracefulDrain not claimed: requiring it at start-up is refused, naming the key",
    group: "lifecycle",
    clauses: ["E3", "H"],
    needs: ["!gracefulDrain"],
    async run(t) {
      await t.refusesToRequire({ gracefulDrain: true }, "gracefulDrain");
    },
  },
];
