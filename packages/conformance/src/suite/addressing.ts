// Over 300 lines: the cases of who may see a message read best side by side. Those about names are in names.ts.
import {
  InvalidTargetError,
  MessagingError,
  NotSupportedError,
  TimeoutError,
  UnreachableError,
  UnsupportedVersionError,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue, show } from "../check.js";
import type { ErrorClass } from "../context.js";
import { rpcProbe } from "../probes.js";
import { sendAll, serveAll } from "./every-route.js";

/** A1, A3, A6 to A8, B3: a message reaches those it is for, and no others. */
export const addressingCases: readonly ConformanceCase[] = [
  {
    id: "ADDR-01",
    title: "three servers on a topic; 50 calls directed at one; only that one runs",
    group: "addressing",
    clauses: ["A3"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      for (const name of ["s1", "s2", "s3"])
        await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic, server: "s2" });
      for (let n = 0; n < 50; n++) {
        const id = `m${n}`;
        await history.record<unknown>(id, [["s2"]], () =>
          n % 2 === 0 ? client.call("echo", { id }) : client.cast("note", { id }),
        );
      }
      await t.verify(history);
    },
  },
  {
    id: "ADDR-02",
    title: "server names that begin alike (s1, s10, s1.x, S1): a directed message reaches the exact one",
    group: "addressing",
    clauses: ["A3", "A5"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s10", "s1.x", "S1", "s1@ceph", "s"];
      const host = await t.open();
      for (const name of names) await t.serve(host, { topic, server: name }, rpcProbe(history, name));
      const base = (await t.open()).client({ topic });
      for (let round = 0; round < 5; round++) {
        for (const name of names) {
          const id = `${round} for ${name}`;
          await history.record(id, [[name]], () => base.to({ server: name }).call("echo", { id }));
        }
      }
      await t.verify(history);
    },
  },
  {
    id: "ADDR-03",
    title: "a message directed at an absent server fails as the manifest says and reaches no other",
    group: "addressing",
    clauses: ["A3", "A7"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      const absent = transport.client({ topic, server: "s2" }, { timeoutMs: t.ms(3_000), sendTimeoutMs: t.ms(3_000) });
      const mayWait = t.claims.undeliverable === "none";
      // Earlier than it must is no fault (A7).
      const kind: ErrorClass<MessagingError> = mayWait ? MessagingError : UnreachableError;
      const error = await t.rejects("a call to an absent server", absent.call("echo", { id: "nobody" }), kind);
      const isTyped = error instanceof UnreachableError || (mayWait && error instanceof TimeoutError);
      check(isTyped, `a call to an absent server ended with ${show(error)}`);
      if (!mayWait) await t.rejects("a cast to an absent server", absent.cast("note", { id: "nobody" }), kind);
      await history.record("fence", [["s1"]], () => transport.client({ topic }).call("echo", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "ADDR-04",
    title: "directed and undirected calls interleaved: the addressed server takes part in both",
    group: "addressing",
    clauses: ["A2", "A3"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const names = ["s1", "s2"];
      for (const name of names) await t.serve(await t.open(), { topic, server: name }, rpcProbe(history, name));
      const client = (await t.open()).client({ topic });
      const directed = client.to({ server: "s1" });
      const sends = Array.from({ length: 100 }, (_, n) => {
        const id = `m${n}`;
        return n % 2 === 0
          ? history.record(id, [["s1"]], () => directed.call("echo", { id }))
          : history.record(id, [names], () => client.call("echo", { id }));
      });
      await t.within("all calls", Promise.all(sends));
      await t.verify(history);
    },
  },
  {
    id: "ADDR-05",
    title: "two servers of one name on a topic compete as one address: a directed call runs once",
    group: "addressing",
    clauses: ["A6"],
    needs: ["rpc", "serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      for (const consumer of ["one", "other"]) {
        await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, consumer));
      }
      const client = (await t.open()).client({ topic, server: "s1" });
      for (let n = 0; n < 20; n++) {
        const id = `m${n}`;
        await history.record(id, [["one", "other"]], () => client.call("echo", { id }));
      }
      await t.verify(history);
    },
  },
  {
    id: "ADDR-06",
    title: "serving without a server name is refused",
    group: "addressing",
    clauses: ["A6"],
    needs: ["rpc"],
    async run(t) {
      const transport = await t.open();
      await t.refuses(
        "serve",
        () => transport.serve({ topic: t.name("compute") }, { echo: () => null }),
        InvalidTargetError,
      );
    },
  },
  {
    id: "ADDR-R1",
    title: "serverDirected not claimed: a target that names a server is refused; one that does not works",
    group: "addressing",
    clauses: ["A3", "H"],
    needs: ["rpc", "!serverDirected"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      const error = await t.refuses(
        "a directed cast",
        () => transport.client({ topic, server: "s1" }).cast("note", { id: "refused" }),
        NotSupportedError,
      );
      sameValue("the capability", error.capability, "serverDirected");
      sameValue("the driver", error.driver, transport.driverName);
      await history.record("m1", [["s1"]], () => transport.client({ topic }).cast("note", { id: "m1" }));
      await t.verify(history);
    },
  },
  {
    id: "ISO-04",
    title: "two realms with every name equal: nothing crosses, replies included",
    group: "addressing",
    clauses: ["A1", "A5"],
    needs: ["rpc", "realms", "ability:spaces"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const spaces = [t.space, `${t.space}1`];
      for (const space of spaces) await serveAll(t, await t.open({}, space), topic, space, history);
      for (let round = 0; round < 3; round++) {
        for (const space of spaces) await sendAll(t, await t.open({}, space), topic, space, history, ` ${round}`);
      }
      await t.verify(history);
    },
  },
  {
    id: "ISO-06",
    title: "naming the default exchange is the same as omitting it",
    group: "addressing",
    clauses: ["A1"],
    needs: ["rpc"],
    async run(t) {
      const seen: unknown[] = [];
      const topic = t.name("compute");
      const endpoint = { where: (_: object, call: { target: { exchange?: string } }) => call.target.exchange };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const transport = await t.open();
      const exchange = await t.within("a call", transport.client({ topic }).call<string>("where"));
      seen.push(exchange, await t.within("a call to it by name", transport.client({ topic, exchange }).call("where")));
      t.saw(2);
      sameValue("the exchange seen by the server", seen, [exchange, exchange]);
    },
  },
  {
    id: "ISO-07",
    title: "an rpc server and a notification listener on one topic: neither sees the other's messages",
    group: "addressing",
    clauses: ["A8"],
    needs: ["rpc", "events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("mixed");
      await serveAll(t, await t.open(), topic, "s1", history);
      const sender = await t.open();
      for (let round = 0; round < 10; round++) await sendAll(t, sender, topic, "s1", history, ` ${round}`);
      await t.verify(history);
      check(
        t.handlerErrors.length === 0,
        `a message was taken for one of the other kind: ${String(t.handlerErrors[0])}`,
      );
    },
  },
  {
    id: "ISO-08",
    title: "two transports of one URL in one process: closing one leaves the other's call to finish",
    group: "addressing",
    clauses: ["E4"],
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
      const [staying, leaving] = [await t.open(), await t.open()];
      await t.serve(leaving, { topic: t.name("other"), server: "s2" }, rpcProbe(history, "s2"));
      const call = history.record("m1", [["s1"]], () => staying.client({ topic }).call("echo", { id: "m1" }));
      await t.within("the handler to run", gate.arrived(1));
      await t.within("close() of the other transport", leaving.close());
      gate.open();
      await t.within("the reply", call);
      await history.record("m2", [["s1"]], () => staying.client({ topic }).call("echo", { id: "m2" }));
      await t.verify(history);
    },
  },
  {
    id: "ISO-09",
    title: "only the namespace differs: the other namespace's handler is not called, and the caller is told",
    group: "addressing",
    clauses: ["B3"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(
        await t.open(),
        { topic, server: "s1" },
        { target: { namespace: "admin" }, ...rpcProbe(history, "admin") },
      );
      const transport = await t.open();
      for (const namespace of [undefined, "Admin", "adm"]) {
        const client = transport.client({ topic, ...(namespace === undefined ? {} : { namespace }) });
        await t.rejects(`namespace ${namespace}`, client.call("echo", { id: "wrong" }), UnsupportedVersionError);
      }
      const admin = transport.client({ topic, namespace: "admin" });
      await history.record("m1", [["admin"]], () => admin.call("echo", { id: "m1" }));
      await t.verify(history);
    },
  },
  {
    id: "ISO-10",
    title: "the version table: same and lower minors are taken, higher minors, revisions and other majors are not",
    group: "addressing",
    clauses: ["B3"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = (version: string, extra: object): object => ({
        target: { version },
        which: () => version,
        ...extra,
      });
      const endpoints = [endpoint("1.4.2", {}), endpoint("3.1", { only: () => "here" })];
      await t.serve(await t.open(), { topic, server: "s1" }, endpoints);
      const client = (await t.open()).client({ topic });
      const table: readonly (readonly [string, string | undefined])[] = [
        ["1.0", "1.4.2"],
        ["1.3", "1.4.2"],
        ["1.3.9", "1.4.2"],
        ["1.4", "1.4.2"],
        ["1.4.2", "1.4.2"],
        ["1.4.3", undefined],
        ["1.5", undefined],
        ["2.0", undefined],
        ["0.9", undefined],
        ["3.0", "3.1"],
        ["3.1", "3.1"],
        ["3.2", undefined],
      ];
      for (const [version, taken] of table) {
        const call = client.to({ version }).call("which");
        if (taken === undefined) await t.rejects(`version ${version}`, call, UnsupportedVersionError);
        else sameValue(`version ${version}`, await t.within("the call", call), taken);
        t.saw();
      }
      sameValue("no version is 1.0", await t.within("the call", client.call("which")), "1.4.2");
    },
  },
];
