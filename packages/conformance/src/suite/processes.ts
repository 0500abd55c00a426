import { ConnectionLostError, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue, show } from "../check.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** Clauses that are about processes, with processes: servers, callers and listeners in children of the kit. */
export const processCases: readonly ConformanceCase[] = [
  {
    id: "PROC-01",
    title: "servers and a listener in two other processes: calls, directed calls, casts, fanouts and events reach them",
    group: "processes",
    clauses: ["A2", "A3", "A4", "B1", "E2"],
    needs: ["rpc", "crossProcess", "ability:workers"],
    timeoutMs: 40_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const servers = ["s1", "s2"];
      const workers = await Promise.all(servers.map(() => t.worker()));
      for (const [index, worker] of workers.entries()) {
        await t.within("serve in a worker", worker.ask({ do: "serve", topic, server: servers[index] ?? "" }));
        if (t.claims.events) await t.within("listen in a worker", worker.ask({ do: "listen", topic }));
      }
      await t.joined();
      const transport = await t.open();
      const client = transport.client({ topic });
      for (let n = 0; n < 20; n++) {
        await history.record(`call ${n}`, [servers], () => client.call("echo", { id: `call ${n}` }));
        await history.record(`cast ${n}`, [servers], () => client.cast("note", { id: `cast ${n}` }));
        if (t.claims.events) {
          const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
          await history.record(`event ${n}`, [servers], () => notifier.info("kit.event", { id: `event ${n}` }));
        }
        if (t.claims.fanout) {
          await history.record(`fanout ${n}`, [["s1"], ["s2"]], () => client.fanout("note", { id: `fanout ${n}` }));
        }
        if (t.claims.serverDirected) {
          const directed = client.to({ server: "s2" });
          await history.record(`directed ${n}`, [["s2"]], () => directed.call("echo", { id: `directed ${n}` }));
        }
      }
      const collect = async (): Promise<void> => {
        const seen = await Promise.all(workers.map((worker) => t.within("seen", worker.ask({ do: "seen" }))));
        for (const [index, ids] of seen.entries()) {
          const consumer = servers[index] ?? "";
          const had = history.seenBy(consumer).length;
          for (const id of Array.isArray(ids) ? ids.slice(had) : []) history.handled(String(id), consumer);
        }
      };
      const deadline = performance.now() + t.ms(t.timing.waitMs);
      while (!history.isComplete() && performance.now() < deadline) await collect();
      await t.quiet();
      await collect();
      await t.verify(history);
    },
  },
  {
    id: "PROC-02",
    title: "another process calls, casts, emits: a server and a listener here get each once, and its call is answered",
    group: "processes",
    clauses: ["B1", "B9", "C1"],
    needs: ["rpc", "crossProcess", "ability:workers"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
      if (t.claims.events) await t.listen(host, topic, eventProbe(history, "listener"));
      const worker = await t.worker();
      for (let n = 0; n < 10; n++) {
        const id = `call ${n}`;
        const params = { id };
        const ask = (): Promise<unknown> => worker.ask({ do: "send", kind: "call", topic, params });
        const reply = await history.record(id, [["s1"]], () => t.within("a call of the worker", ask()));
        sameValue("the reply", reply, { by: "s1", params });
        const cast = { id: `cast ${n}` };
        const send = (): Promise<unknown> => worker.ask({ do: "send", kind: "cast", topic, params: cast });
        await history.record(cast.id, [["s1"]], () => t.within("a cast of the worker", send()));
        if (!t.claims.events) continue;
        const payload = { id: `event ${n}` };
        const emit = (): Promise<unknown> => worker.ask({ do: "emit", topic, payload });
        await history.record(payload.id, [["listener"]], () => t.within("an event of the worker", emit()));
      }
      await t.verify(history);
    },
  },
  {
    id: "LIFE-12",
    title: "a process opens, serves, calls and closes: it ends by itself, with code 0 and nothing on stderr",
    group: "processes",
    clauses: ["E4"],
    needs: ["rpc", "crossProcess", "ability:workers"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const worker = await t.worker();
      await t.within("serve in the worker", worker.ask({ do: "serve", topic: t.name("own"), server: "w1" }));
      const ask = (): Promise<unknown> => worker.ask({ do: "send", kind: "call", topic, params: { id: "m1" } });
      await history.record("m1", [["s1"]], () => t.within("a call of the worker", ask()));
      await t.verify(history);
      await t.within("close() in the worker", worker.ask({ do: "finish" }));
      const { code, signal, stderr } = await t.within("the process to end by itself", worker.ended);
      sameValue("how it ended", { code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    },
  },
  {
    id: "LIFE-20",
    title: "a process opens, serves, stops and closes many times over, under load: it still ends by itself",
    group: "processes",
    clauses: ["E3", "E4"],
    needs: ["rpc", "crossProcess", "gracefulDrain", "ability:workers"],
    timeoutMs: 40_000,
    async run(t) {
      const worker = await t.worker();
      const answered = await t.within(
        "the worker's calls",
        worker.ask({ do: "churn", topic: t.name("compute") }),
        20_000,
      );
      sameValue("calls that were answered", answered, 20 + 4 * 40);
      t.saw();
      await t.within("close() in the worker", worker.ask({ do: "finish" }));
      const { code, signal, stderr } = await t.within("the process to end by itself", worker.ended);
      sameValue("how it ended", { code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    },
  },
  {
    id: "FLT-09",
    title:
      "the process of a server is killed in the middle of a call: the caller knows in time, the next call goes elsewhere",
    group: "processes",
    clauses: ["A7", "B12"],
    needs: ["rpc", "crossProcess", "peerDeath=detected", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const worker = await t.worker();
      await t.within("serve in the worker", worker.ask({ do: "serve", topic, server: "w1" }));
      await t.joined();
      const timeoutMs = t.ms(t.claims.detectionMs + 20_000);
      const client = (await t.open()).client({ topic }, { timeoutMs });
      const lost = t.rejects("the call", client.call("hold", { id: "held" }), ConnectionLostError);
      await t.within("the handler in the worker to run", worker.ask({ do: "wait", id: "held" }));
      await t.serve(await t.open(), { topic, server: "s2" }, rpcProbe(history, "s2"));
      const began = performance.now();
      worker.kill();
      const error = await t.within("the caller to know", lost, t.claims.detectionMs + 5_000);
      atMost("milliseconds until the caller knew", performance.now() - began, t.claims.detectionMs + t.ms(1_000));
      check(error.mayHaveRun && !error.retryable, "the handler had begun, and the error says that it may be repeated");
      for (let n = 0; n < 10; n++) {
        await history.record(`m${n}`, [["s2"]], () => client.call("echo", { id: `m${n}` }));
      }
      await t.verify(history);
    },
  },
  {
    id: "PROC-03",
    title:
      "the process of a server is killed with a cast in its hands: the sender counts it as lost, and it runs nowhere else",
    group: "processes",
    clauses: ["B12"],
    needs: ["rpc", "crossProcess", "acceptance.casts=transport", "peerDeath=detected", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const worker = await t.worker();
      await t.within("serve in the worker", worker.ask({ do: "serve", topic, server: "w1" }));
      await t.joined();
      const transport = await t.open();
      let lost = 0;
      transport.events.on("castsLost", ({ count }) => {
        lost += count;
      });
      const client = transport.client({ topic });
      await t.within("the cast to be accepted", client.cast("hold", { id: "held" }));
      await t.within("the handler in the worker to run", worker.ask({ do: "wait", id: "held" }));
      await t.serve(
        await t.open(),
        { topic, server: "s2" },
        { ...rpcProbe(history, "s2"), hold: () => history.handled("held", "s2") },
      );
      worker.kill();
      await t.until(
        "the castsLost event",
        () => lost > 0,
        () => lost,
        t.claims.detectionMs + 5_000,
      );
      t.saw(lost);
      await history.record("fence", [["s2"]], () => client.cast("note", { id: "fence" }));
      await t.verify(history);
      sameValue("casts that were told to be lost", lost, 1);
    },
  },
  {
    id: "FLT-18",
    title: "the process of a server is killed and another takes its name: the same client reaches it",
    group: "processes",
    clauses: ["A3", "E5"],
    needs: ["rpc", "crossProcess", "serverDirected", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const topic = t.name("compute");
      const client = (await t.open()).client(
        { topic, server: "w1" },
        { timeoutMs: t.ms(t.claims.detectionMs + 15_000) },
      );
      for (let turn = 0; turn < 3; turn++) {
        const worker = await t.worker();
        await t.within("serve in the worker", worker.ask({ do: "serve", topic, server: "w1" }));
        await t.joined();
        const reply = await t.within(
          "a call",
          client.call("echo", { id: `turn ${turn}` }),
          t.claims.detectionMs + 15_000,
        );
        sameValue("the reply", reply, { by: "w1", params: { id: `turn ${turn}` } });
        t.saw();
        worker.kill();
        await t.within("the process to end", worker.ended);
        // Where it waits in a queue, it waits for its deadline.
        const patience = t.claims.undeliverable === "no-queue" ? 1_000 : t.claims.detectionMs + 10_000;
        const after = client.call("echo", { id: `nobody ${turn}` }, { timeoutMs: t.ms(patience) });
        const error = await t.rejects("a call to the killed server", after, Error);
        const isTold =
          ["UnreachableError", "ConnectionLostError"].includes(error.name) || error instanceof TimeoutError;
        check(isTold, `a call to nobody ended with ${show(error)}`);
      }
    },
  },
  {
    id: "NOTE-09",
    title: "the process of a listener is killed in the middle of an event: another of its pool gets it",
    group: "processes",
    clauses: ["C4"],
    needs: ["events", "redelivery", "crossProcess", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const worker = await t.worker();
      await t.within("listen in the worker", worker.ask({ do: "listen", topic, isHeld: true }));
      await t.joined();
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["other"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.within("the handler in the worker to run", worker.ask({ do: "wait", id: "m1" }));
      await t.listen(await t.open(), topic, eventProbe(history, "other"));
      worker.kill();
      await t.until(
        "the event to come again",
        () => history.countOf("m1") > 0,
        undefined,
        t.claims.detectionMs + 5_000,
      );
      await t.verify(history, { repeats: true });
    },
  },
  {
    id: "PROC-R1",
    title: "crossProcess not claimed: requiring it at start-up is refused, naming the key",
    group: "processes",
    clauses: ["H"],
    needs: ["!crossProcess"],
    async run(t) {
      await t.refusesToRequire({ crossProcess: true }, "crossProcess");
    },
  },
];
