import {
  AbortError,
  type JsonObject,
  NoSuchMethodError,
  RemoteError,
  SerializationError,
  TimeoutError,
  type Transport,
  UnreachableError,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import { census } from "../leaks.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** So many calls fail in each way at once. */
const WAVE = 34;

/** A5, B6, B9: many calls, clients and spaces, of which nothing is left in another's place. */
export const leftoverCases: readonly ConformanceCase[] = [
  {
    id: "ISO-05",
    title: "spaces of which one is the beginning of another, and that differ in case: nothing crosses",
    group: "addressing",
    clauses: ["A5"],
    needs: ["rpc", "realms", "ability:spaces"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      // The realm without a name belongs to everybody: a harness makes only those that a case names.
      const spaces = [t.space, `${t.space}x`, `${t.space}x1`, `${t.space}X`, t.space.slice(0, -1)];
      for (const space of spaces) {
        const host = await t.open({}, space);
        await t.serve(host, { topic, server: "s1" }, rpcProbe(history, space));
        if (t.claims.events) await t.listen(host, topic, eventProbe(history, space));
      }
      for (const space of spaces) {
        const transport = await t.open({}, space);
        const client = transport.client({ topic });
        const one = (kind: string): string => `${kind} of ${space}`;
        await history.record(one("call"), [[space]], () => client.call("echo", { id: one("call") }));
        await history.record(one("cast"), [[space]], () => client.cast("note", { id: one("cast") }));
        if (t.claims.fanout) {
          await history.record(one("fanout"), [[space]], () => client.fanout("note", { id: one("fanout") }));
        }
        if (!t.claims.events) continue;
        const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
        await history.record(one("event"), [[space]], () => notifier.info("kit.event", { id: one("event") }));
      }
      await t.verify(history);
    },
  },
  {
    id: "CONC-06",
    title:
      "200 clients of two transports, 10 calls each at once: each has its replies, over as many links as one client has",
    group: "concurrency",
    clauses: ["B9", "B13"],
    needs: ["rpc"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transports = [await t.open(), await t.open()];
      for (const [n, transport] of transports.entries()) {
        const id = `first ${n}`;
        await history.record(id, [["s1"]], () => transport.client({ topic }).call("echo", { id }));
      }
      const links = transports.map((transport) => transport.stats().links.length);
      const ask = async (owner: number, n: number, transport: Transport): Promise<void> => {
        const params = { id: `m${owner}-${n}` };
        const client = transport.client({ topic }, { timeoutMs: t.ms(30_000) });
        const calls = Array.from({ length: 10 }, async (_, part) => {
          const id = `${params.id}-${part}`;
          const reply = await history.record(id, [["s1"]], () => client.call("echo", { id }));
          sameValue("the reply", reply, { by: "s1", params: { id } });
        });
        await Promise.all(calls);
      };
      const asked = transports.flatMap((transport, owner) =>
        Array.from({ length: 100 }, (_, n) => ask(owner, n, transport)),
      );
      await t.within("2 000 calls", Promise.all(asked), 40_000);
      await t.verify(history);
      const after = transports.map((transport) => transport.stats().links.length);
      sameValue("links of the transports, as with one client", after, links);
    },
  },
  {
    id: "ERR-13",
    title:
      "1 000 calls that fail in six ways: what the transports hold, and what keeps the process alive, is as before",
    group: "errors",
    clauses: ["B1", "B6", "B7"],
    needs: ["rpc"],
    timeoutMs: 120_000,
    async run(t) {
      const topic = t.name("compute");
      let gate = t.gate();
      const endpoint = {
        explode: () => {
          throw new RangeError("as asked");
        },
        hold: () => gate.pass(),
        alive: () => "yes",
      };
      const host = await t.open();
      await t.serve(host, { topic, server: "s1" }, endpoint, { concurrency: 300, expectedErrors: [RangeError] });
      const caller = await t.open();
      const nobody = t.name("nobody");
      const wave = async (): Promise<void> => {
        const given: AbortController[] = [];
        const failing = failures(t, caller, topic, nobody, given);
        const ends = failing.flatMap((fails) => Array.from({ length: WAVE }, fails));
        await t.within("handlers to run", gate.arrived(WAVE));
        for (const controller of given) controller.abort();
        await t.within("calls that fail", Promise.all(ends), 20_000);
        // The handlers that are held belong to calls that have ended; now they end too.
        gate.open();
        gate = t.gate();
        sameValue("the server after it", await t.within("a call", caller.client({ topic }).call("alive")), "yes");
      };
      // Links, channels and look-ups are made on first use, and may stay.
      await wave();
      await t.quiet();
      const before = [gaugesOf(host), gaugesOf(caller)];
      const alive = census();
      for (let n = 0; n < 5; n++) await wave();
      gate.open();
      const grown = (): unknown[] => [
        ...above(gaugesOf(host), before[0]),
        ...above(gaugesOf(caller), before[1]),
        ...above(census(), alive),
      ];
      await t.until("what is held to be as before", () => grown().length === 0, grown);
    },
  },
  {
    id: "TIME-12",
    title: "calls without a server, and their time is over before the next one comes: it never sees them",
    group: "timeouts",
    clauses: ["A7", "B6"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const host = await t.open();
      // Where messages wait for a server, they wait only where there was one.
      const first = await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "the first"));
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(300) });
      await history.record("before", [["the first"]], () => client.call("echo", { id: "before" }));
      await t.within("stop()", first.stop());
      const late = Array.from({ length: 10 }, async (_, n) => {
        const id = `late ${n}`;
        await history.record(id, [["s1"]], () => client.call("echo", { id }));
      });
      await t.within("the calls to be over", Promise.all(late));
      for (const { id, error } of history.sends.filter((send) => send.id.startsWith("late"))) {
        const isTold = error instanceof TimeoutError || error instanceof UnreachableError;
        check(isTold, `${id}, a call without a server, ended with ${String(error)}`);
      }
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
      const patient = (await t.open()).client({ topic });
      await history.record("fence", [["s1"]], () => patient.call("echo", { id: "fence" }));
      await t.verify(history, { failures: true });
      sameValue("what the second server handled", history.seenBy("s1"), ["fence"]);
    },
  },
];

/** Six ways in which a call fails, each time that it is asked. Who aborts calls has their controllers in `given`. */
function failures(
  t: CaseContext,
  caller: Transport,
  topic: string,
  nobody: string,
  given: AbortController[],
): readonly (() => Promise<unknown>)[] {
  const client = caller.client({ topic }, { timeoutMs: t.ms(20_000) });
  // What no type admits, as a JavaScript program may pass it.
  const unfit = { run: () => 1 } as unknown as JsonObject;
  const ways = [
    () => t.rejects("a call whose handler throws", client.call("explode"), RemoteError),
    () => t.rejects("a call of no method", client.call("nowhere"), NoSuchMethodError),
    () => t.rejects("an argument that cannot travel", client.call("explode", unfit), SerializationError),
    () => t.rejects("a call without time", client.call("hold", {}, { timeoutMs: 200 }), TimeoutError),
    () => {
      const controller = new AbortController();
      given.push(controller);
      return t.rejects("an aborted call", client.call("hold", {}, { signal: controller.signal }), AbortError);
    },
  ];
  if (t.claims.undeliverable === "none") return ways;
  const away = caller.client({ topic: nobody }, { timeoutMs: t.ms(20_000) });
  return [...ways, () => t.rejects("a call to nobody", away.call("explode"), UnreachableError)];
}

function gaugesOf(transport: Transport): ReadonlyMap<string, number> {
  return new Map(Object.entries(transport.stats().gauges));
}

/** What is more than it was, as text. */
function above(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number> | undefined): string[] {
  return [...now]
    .filter(([name, amount]) => amount > (before?.get(name) ?? 0))
    .map(([name, amount]) => `${name}: ${before?.get(name) ?? 0} before, ${amount} now`);
}
