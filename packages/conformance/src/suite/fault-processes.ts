import type { ConformanceCase } from "../case.js";
import { sameValue } from "../check.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** B9, C4, E5: processes of callers and listeners that are killed in the middle of their work. */
export const processFaultCases: readonly ConformanceCase[] = [
  {
    id: "FLT-10",
    title: "one of three listeners' processes is killed with events in its hands: all of them are handled",
    group: "processes",
    clauses: ["C4", "E6"],
    needs: ["events", "redelivery", "crossProcess", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("notifications");
      const worker = await t.worker();
      await t.within("listen in the worker", worker.ask({ do: "listen", topic, isHeld: true }));
      await t.joined();
      const transport = await t.open();
      const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
      const listeners = ["l1", "l2"];
      const held = history.record("held", [listeners], () => notifier.info("kit.event", { id: "held" }));
      await t.within("the listener in the worker to have an event", worker.ask({ do: "wait", id: "held" }));
      await held;
      for (const name of listeners) await t.listen(await t.open(), topic, eventProbe(history, name));
      for (let n = 0; n < 60; n++) {
        const id = `m${n}`;
        await history.record(id, [listeners], () => notifier.info("kit.event", { id }));
      }
      worker.kill();
      await t.until("all events to be handled", () => history.isComplete(), undefined, t.claims.detectionMs + 10_000);
      await t.verify(history, { repeats: true });
    },
  },
  {
    id: "FLT-11",
    title:
      "the process of a caller is killed in the middle of a call: its handler ends in peace, and the server serves on",
    group: "processes",
    clauses: ["B9", "E5"],
    needs: ["rpc", "crossProcess", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, { ...rpcProbe(history, "s1"), hold: () => gate.pass() });
      const worker = await t.worker();
      worker.ask({ do: "send", kind: "call", method: "hold", topic, params: { id: "held" } }).catch(() => {});
      await t.within("the handler to run", gate.arrived(1));
      worker.kill();
      await t.within("the process to end", worker.ended);
      gate.open();
      const client = (await t.open()).client({ topic });
      for (let n = 0; n < 10; n++) {
        await history.record(`m${n}`, [["s1"]], () => client.call("echo", { id: `m${n}` }));
      }
      await t.verify(history);
      sameValue("errors of handlers", t.handlerErrors, []);
    },
  },
];
