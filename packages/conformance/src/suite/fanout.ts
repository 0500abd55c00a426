import { InvalidTargetError, NotSupportedError, type Target } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import { rpcProbe } from "../probes.js";

/** Ten fanouts to `home` while `others` are served too: they see those sent to them, and no others. */
async function staysAtHome(t: CaseContext, home: Target, others: readonly Target[]): Promise<void> {
  const history = t.history();
  const [host, sender] = [await t.open(), await t.open()];
  const places = [home, ...others].map((target, n) => ({ name: n === 0 ? "home" : `other ${n}`, target }));
  for (const { name, target } of places) await t.serve(host, { ...target, server: "s1" }, rpcProbe(history, name));
  const client = sender.client(home);
  for (let n = 0; n < 10; n++) {
    const id = `m${n}`;
    await history.record(id, [["home"]], () => client.fanout("note", { id }));
  }
  for (const { name, target } of places) {
    const id = `fence at ${name}`;
    await history.record(id, [[name]], () => sender.client(target).fanout("note", { id }));
  }
  await t.verify(history);
}

/** A4: a fanout reaches every server that listens, once each. */
export const fanoutCases: readonly ConformanceCase[] = [
  {
    id: "FAN-01",
    title: "three servers, one fanout: each handles it once, and the receipt counts them",
    group: "rpc.fanout",
    clauses: ["A4"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      const scope = names.map((name) => [name]);
      const receipt = await history.record("m1", scope, () => client.fanout("note", { id: "m1" }));
      await history.record("m2", scope, () => client.to({ fanout: true }).cast("note", { id: "m2" }));
      await t.verify(history);
      sameValue("the receipt", receipt, { accepted: t.claims.acceptance.casts === "transport" ? 3 : 1, lost: 0 });
    },
  },
  {
    id: "FAN-02",
    title: "200 fanouts: each of three servers sees each of them once",
    group: "rpc.fanout",
    clauses: ["A4"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      const sends = Array.from({ length: 200 }, (_, n) => {
        const id = `m${n}`;
        return history.record(
          id,
          names.map((name) => [name]),
          () => client.fanout("note", { id }),
        );
      });
      await t.within("all fanouts to be accepted", Promise.all(sends));
      await t.verify(history);
    },
  },
  {
    id: "FAN-03",
    title: "a fourth server joins; the next fanout reaches it at once",
    group: "rpc.fanout",
    clauses: ["A4", "E2"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names: string[] = [];
      const client = (await t.open()).client({ topic });
      for (const name of ["s1", "s2", "s3", "s4"]) {
        await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
        names.push(name);
        const id = `after-${name}`;
        await history.record(
          id,
          names.map((each) => [each]),
          () => client.fanout("note", { id }),
        );
      }
      await t.verify(history);
    },
  },
  {
    id: "FAN-04",
    title: "a server leaves; fanouts reach the rest, and nothing waits for the one that left",
    group: "rpc.fanout",
    clauses: ["A4", "E3"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      for (const name of ["s1", "s2"]) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const host = await t.open();
      const leaver = await t.serve(host, { topic, server: "s3" }, rpcProbe(history, "s3"));
      const client = (await t.open()).client({ topic });
      const fanout = (id: string, names: readonly string[]): Promise<unknown> =>
        history.record(
          id,
          names.map((name) => [name]),
          () => client.fanout("note", { id }),
        );
      await fanout("before", ["s1", "s2", "s3"]);
      await t.until("the first fanout", () => history.countOf("before", "s3") > 0);
      await t.within("stop()", leaver.stop());
      const receipts: unknown[] = [];
      for (let n = 0; n < 10; n++) receipts.push(await fanout(`while-away-${n}`, ["s1", "s2"]));
      await t.serve(host, { topic, server: "s3" }, rpcProbe(history, "s3"));
      await fanout("after", ["s1", "s2", "s3"]);
      await t.verify(history);
      const accepted = t.claims.acceptance.casts === "transport" ? 2 : 1;
      sameValue(
        "the receipts while it was away",
        receipts,
        receipts.map(() => ({ accepted, lost: 0 })),
      );
    },
  },
  {
    id: "FAN-05",
    title: "a fanout stays on its topic: a listener on a longer name sees nothing",
    group: "rpc.fanout",
    clauses: ["A4", "A5"],
    needs: ["rpc", "fanout"],
    run(t) {
      const topic = t.name("compute");
      return staysAtHome(t, { topic }, [{ topic: `${topic}x` }, { topic: `${topic}@x` }]);
    },
  },
  {
    id: "FAN-10",
    title: "a fanout stays on its exchange: listeners on the same topic of another one see nothing",
    group: "rpc.fanout",
    clauses: ["A1", "A4", "A5"],
    needs: ["rpc", "fanout", "exchanges"],
    run(t) {
      const topic = t.name("compute");
      return staysAtHome(t, { topic }, [{ topic, exchange: t.name("other") }]);
    },
  },
  {
    id: "FAN-11",
    title: "a fanout stays on its topic where others are named as if they were below it, or patterns of it",
    group: "rpc.fanout",
    clauses: ["A4", "A5"],
    needs: ["rpc", "fanout", "exactNames"],
    run(t) {
      const topic = t.name("compute");
      return staysAtHome(
        t,
        { topic },
        ["x", "s1", "*", "#"].map((word) => ({ topic: `${topic}.${word}` })),
      );
    },
  },
  {
    id: "FAN-06",
    title: "fanouts and plain casts mixed: casts once in total, fanouts once at each server",
    group: "rpc.fanout",
    clauses: ["A2", "A4"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2", "s3"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      const sends = Array.from({ length: 100 }, (_, n) => {
        const id = `m${n}`;
        return t.random() < 0.5
          ? history.record(id, [names], () => client.cast("note", { id }))
          : history.record(
              id,
              names.map((name) => [name]),
              () => client.fanout("note", { id }),
            );
      });
      await t.within("all to be accepted", Promise.all(sends));
      await t.verify(history);
    },
  },
  {
    id: "FAN-07",
    title: "one server throws and one is held; the third handles every fanout",
    group: "rpc.fanout",
    clauses: ["A4", "B5"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const explode = (id: string): never => {
        throw new Error(`no ${id}`);
      };
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1", explode));
      await t.serve(
        await t.open(),
        { topic, server: "s2" },
        rpcProbe(history, "s2", () => gate.pass()),
      );
      await t.serve(await t.open(), { topic, server: "s3" }, rpcProbe(history, "s3"));
      const client = (await t.open()).client({ topic });
      for (let n = 0; n < 20; n++) {
        const id = `m${n}`;
        await history.record(id, [["s1"], ["s2"], ["s3"]], () => client.fanout("note", { id }));
      }
      await t.verify(history);
      gate.open();
      check(t.handlerErrors.length === 20, `20 handlers threw, and ${t.handlerErrors.length} handlerError events came`);
    },
  },
  {
    id: "FAN-08",
    title: "a fanout target that names a server is refused",
    group: "rpc.fanout",
    clauses: ["A7"],
    needs: ["rpc", "fanout", "serverDirected"],
    async run(t) {
      const transport = await t.open();
      const topic = t.name("compute");
      await t.refuses(
        "a target",
        () => transport.client({ topic, server: "s1", fanout: true }).cast("note"),
        InvalidTargetError,
      );
      await t.refuses(
        "to()",
        () => transport.client({ topic, server: "s1" }).to({ fanout: true }).cast("note"),
        InvalidTargetError,
      );
    },
  },
  {
    id: "FAN-09",
    title: "a fanout to nobody succeeds",
    group: "rpc.fanout",
    clauses: ["A7"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const client = (await t.open()).client({ topic: t.name("nobody") });
      const receipt = await t.within("the fanout", client.fanout("note", { id: "m1" }));
      t.saw();
      check(receipt.lost === 0, `nobody listened, yet ${receipt.lost} were lost`);
      if (t.claims.acceptance.casts === "transport")
        check(receipt.accepted === 0, `nobody listened, yet ${receipt.accepted} accepted`);
    },
  },
  {
    id: "FAN-R1",
    title: "fanout not claimed: a fanout is refused and nobody gets it; a plain cast works",
    group: "rpc.fanout",
    clauses: ["A4", "H"],
    needs: ["rpc", "!fanout"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      const asks = [
        () => transport.client({ topic }).fanout("note", { id: "refused" }),
        () => transport.client({ topic, fanout: true }).cast("note", { id: "refused" }),
      ];
      for (const ask of asks) {
        const error = await t.refuses("a fanout", ask, NotSupportedError);
        sameValue("the capability", error.capability, "fanout");
        sameValue("the driver", error.driver, transport.driverName);
      }
      await history.record("m1", [["s1"]], () => transport.client({ topic }).cast("note", { id: "m1" }));
      await t.verify(history);
    },
  },
];
