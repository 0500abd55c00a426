import type { ConformanceCase } from "../case.js";
import { atLeast, check, sameValue } from "../check.js";
import { rpcProbe } from "../probes.js";

/** B2: a cast is accepted, and handled once. */
export const rpcCastCases: readonly ConformanceCase[] = [
  {
    id: "CAST-01",
    title: "a cast resolves while its handler is held; the handler's result never travels back",
    group: "rpc.cast",
    clauses: ["B2"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { work: () => gate.pass("a result") });
      const client = (await t.open()).client({ topic });
      const receipt = await t.within("the cast to be accepted", client.cast("work"));
      sameValue("the receipt", receipt, { accepted: 1, lost: 0 });
      await t.within("the handler to run", gate.arrived(1));
      t.saw();
      gate.open();
    },
  },
  {
    id: "CAST-02",
    title: "500 casts to one server: none lost, none twice, none from nowhere",
    group: "rpc.cast",
    clauses: ["B2", "B10"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const client = (await t.open()).client({ topic });
      const casts = Array.from({ length: 500 }, (_, n) =>
        history.record(`m${n}`, [["s1"]], () => client.cast("note", { id: `m${n}` })),
      );
      await t.within("all casts to be accepted", Promise.all(casts));
      await history.record("fence", [["s1"]], () => client.cast("note", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "CAST-03",
    title: "300 casts to three servers: each message in exactly one server",
    group: "rpc.cast",
    clauses: ["A2", "B2"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      const casts = Array.from({ length: 300 }, (_, n) =>
        history.record(`m${n}`, [names], () => client.cast("note", { id: `m${n}` })),
      );
      await t.within("all casts to be accepted", Promise.all(casts));
      await t.verify(history);
    },
  },
  {
    id: "CAST-04",
    title: "a handler that throws harms neither the sender nor the next cast; the handlerError event tells",
    group: "rpc.cast",
    clauses: ["B2", "B5"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const server = await t.open();
      const endpoint = {
        ...rpcProbe(history, "s1"),
        explode: () => {
          throw new RangeError("too much");
        },
      };
      await t.serve(server, { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      sameValue("the receipt", await t.within("the cast", client.cast("explode")), { accepted: 1, lost: 0 });
      await t.until("the handlerError event", () => t.handlerErrors.length > 0);
      check(
        t.handlerErrors[0] instanceof RangeError,
        `the handlerError event told ${String(t.handlerErrors[0])}, not the RangeError`,
      );
      await history.record("m1", [["s1"]], () => client.cast("note", { id: "m1" }));
      await t.verify(history);
    },
  },
  {
    id: "CAST-05",
    title: "casts, then close() at once: every cast that resolved is handled",
    group: "rpc.cast",
    clauses: ["B2", "E4"],
    needs: ["rpc"],
    proves: ["acceptance"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      for (let round = 0; round < 10; round++) {
        const sender = await t.open();
        const client = sender.client({ topic });
        const casts = Array.from({ length: 10 }, (_, n) => {
          const id = `r${round}-${n}`;
          return history.record(id, [["s1"]], () => client.cast("note", { id }));
        });
        await t.within("the casts to be accepted", Promise.all(casts));
        await t.within("close()", sender.close());
      }
      await t.verify(history);
    },
  },
  {
    id: "CAST-06",
    title: "a server came and went; 20 casts wait in its queue and reach the next",
    group: "rpc.cast",
    clauses: ["A7", "B2"],
    needs: ["rpc", "undeliverable=no-queue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const transport = await t.open();
      const before = await t.serve(transport, { topic, server: "s1" }, rpcProbe(history, "gone"));
      await t.within("stop()", before.stop());
      const client = (await t.open()).client({ topic });
      for (let n = 0; n < 20; n++) {
        await history.record(`m${n}`, [["s1"]], () => client.cast("note", { id: `m${n}` }));
      }
      await t.serve(transport, { topic, server: "s1" }, rpcProbe(history, "s1"));
      await t.verify(history);
    },
  },
  {
    id: "CAST-07",
    title: "a cast to nobody settles by its deadline, whichever way",
    group: "rpc.cast",
    clauses: ["A7"],
    needs: ["rpc"],
    async run(t) {
      const client = (await t.open()).client({ topic: t.name("nobody") });
      const timeoutMs = t.ms(1_500);
      const settled = client.cast("note", { id: "m1" }, { timeoutMs }).then(
        () => "accepted",
        (error: unknown) => {
          t.errors.push(error);
          return error instanceof Error ? error.name : String(error);
        },
      );
      const how = await t.within("the cast to settle", settled, 3_000);
      t.saw();
      t.note(`a cast to nobody: ${how}`);
      check(
        how === "UnreachableError" ||
          how === "TimeoutError" ||
          (how === "accepted" && t.claims.acceptance.casts !== "transport"),
        `a cast to nobody ended with ${how}`,
      );
    },
  },
  {
    id: "CAST-08",
    title: "300 equal casts over three servers: each gets at least a tenth of an even share",
    group: "rpc.cast",
    clauses: ["A2"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      for (let window = 0; window < 30; window++) {
        const casts = Array.from({ length: 10 }, (_, n) => {
          const id = `m${window}-${n}`;
          return history.record(id, [names], () => client.cast("note", { id }));
        });
        await t.within("a window of casts", Promise.all(casts));
      }
      await t.verify(history);
      for (const name of names) atLeast(`messages at ${name} of 300`, history.seenBy(name).length, 10);
    },
  },
];
