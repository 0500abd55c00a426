import type { ConformanceCase } from "../case.js";
import { rpcProbe } from "../probes.js";

/** B11: casts of one client to one target keep their order where the server handles one at a time. */
export const orderingCases: readonly ConformanceCase[] = [
  {
    id: "ORD-01",
    title: "500 casts, each awaited, one handled at a time: handled in the order sent",
    group: "ordering",
    clauses: ["B11"],
    needs: ["rpc", "ordering=per-target"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"), { concurrency: 1 });
      const client = (await t.open()).client({ topic });
      for (let n = 0; n < 500; n++) {
        const id = `m${n}`;
        await history.record(id, [["s1"]], () => client.cast("note", { id }));
      }
      await t.verify(history, { order: true });
    },
  },
  {
    id: "ORD-02",
    title: "1 000 casts at once, none awaited: handled in the order sent",
    group: "ordering",
    clauses: ["B11", "B13"],
    needs: ["rpc", "ordering=per-target"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"), { concurrency: 1 });
      const client = (await t.open()).client({ topic });
      const casts = Array.from({ length: 1_000 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["s1"]], () => client.cast("note", { id }));
      });
      await t.within("all casts to be accepted", Promise.all(casts), 10_000);
      await t.verify(history, { order: true });
    },
  },
  {
    id: "ORD-03",
    title: "five senders interleaved, 10 bytes to 200 KB: the order holds sender by sender",
    group: "ordering",
    clauses: ["B11", "D4"],
    needs: ["rpc", "ordering=per-target"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"), { concurrency: 1 });
      const clients = [];
      for (let n = 0; n < 5; n++) clients.push((await t.open()).client({ topic }));
      const sends: Promise<unknown>[] = [];
      for (let n = 0; n < 30; n++) {
        for (const [sender, client] of clients.entries()) {
          const id = `c${sender}-${n}`;
          const size = t.random() < 0.2 ? Math.floor(t.random() * 200_000) : 10;
          const params = { id, filler: "x".repeat(size) };
          sends.push(history.record(id, [["s1"]], () => client.cast("note", params), `client ${sender}`));
        }
      }
      await t.within("all casts to be accepted", Promise.all(sends), 10_000);
      await t.verify(history, { order: true });
    },
  },
  {
    id: "ORD-05",
    title: "casts to one named server keep their order while other topics are busy",
    group: "ordering",
    clauses: ["A3", "B11"],
    needs: ["rpc", "serverDirected", "ordering=per-target"],
    async run(t) {
      const history = t.history();
      const [topic, busy] = [t.name("compute"), t.name("busy")];
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"), { concurrency: 1 });
      await t.serve(host, { topic, server: "s2" }, rpcProbe(history, "s2"), { concurrency: 1 });
      await t.serve(host, { topic: busy, server: "b" }, rpcProbe(history, "busy"));
      const sender = await t.open();
      const directed = sender.client({ topic, server: "s1" });
      const noise = sender.client({ topic: busy });
      const sends: Promise<unknown>[] = [];
      for (let n = 0; n < 200; n++) {
        sends.push(history.record(`m${n}`, [["s1"]], () => directed.cast("note", { id: `m${n}` }), "directed"));
        sends.push(history.record(`n${n}`, [["busy"]], () => noise.call("echo", { id: `n${n}` }), `noise ${n}`));
      }
      await t.within("all sends", Promise.all(sends), 10_000);
      await t.verify(history, { order: true });
    },
  },
  {
    id: "ORD-R1",
    title: "no order claimed: requiring it at start-up is refused, naming the key",
    group: "ordering",
    clauses: ["B11", "H"],
    needs: ["!ordering=per-target"],
    async run(t) {
      await t.refusesToRequire({ ordering: "per-target" }, "ordering");
    },
  },
];
