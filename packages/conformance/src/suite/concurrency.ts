import { OverloadedError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, atMost, check, sameValue } from "../check.js";
import { rpcProbe } from "../probes.js";

/** Keeps the event loop of this process busy, as a handler does that computes. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** B13: a server runs no more than its concurrency and holds no more than its credit; the rest waits, within bounds. */
export const concurrencyCases: readonly ConformanceCase[] = [
  {
    id: "CONC-01",
    title: "concurrency 4, ten held calls: exactly four run, and each that ends lets one more in",
    group: "concurrency",
    clauses: ["B13"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() }, { concurrency: 4 });
      const client = (await t.open()).client({ topic });
      const calls = Promise.allSettled(Array.from({ length: 10 }, () => client.call("hold")));
      await t.within("four handlers to run", gate.arrived(4));
      await t.quiet();
      sameValue("handlers that run", gate.waiting, 4);
      for (let ended = 1; ended <= 6; ended++) {
        gate.release();
        await t.within(`handler ${4 + ended} to run`, gate.arrived(4 + ended));
        t.saw();
      }
      gate.open();
      const outcomes = await t.within("all replies", calls);
      sameValue("calls that were answered", outcomes.filter(({ status }) => status === "fulfilled").length, 10);
      sameValue("the most handlers that ran at one time", gate.mostWaiting, 4);
    },
  },
  {
    id: "CONC-02",
    title: "concurrency 1, 200 casts: never two handlers at one time",
    group: "concurrency",
    clauses: ["B13"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      let running = 0;
      let most = 0;
      const work = async (): Promise<void> => {
        running++;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      };
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1", work), { concurrency: 1 });
      const client = (await t.open()).client({ topic });
      const casts = Array.from({ length: 200 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["s1"]], () => client.cast("note", { id }));
      });
      await t.within("all casts to be accepted", Promise.all(casts));
      await t.verify(history);
      sameValue("the most handlers that ran at one time", most, 1);
    },
  },
  {
    id: "CONC-03",
    title: "credit 5: a held server keeps at most five; a free one that joins takes the rest",
    group: "concurrency",
    clauses: ["A2", "B13"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const held = rpcProbe(history, "held", () => gate.pass());
      await t.serve(await t.open(), { topic, server: "s1" }, held, { concurrency: 2, credit: 5 });
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(8_000) });
      const ids = Array.from({ length: 30 }, (_, n) => `m${n}`);
      const calls = ids.map((id) => history.record(id, [["held", "free"]], () => client.call("echo", { id })));
      await t.within("the held server to be at work", gate.arrived(2));
      await t.serve(await t.open(), { topic, server: "s2" }, rpcProbe(history, "free"));
      await t.until(
        "the free server to take what the other has no credit for",
        () => history.seenBy("free").length >= 25,
        () => `the free server handled ${history.seenBy("free").length} of 30`,
      );
      gate.open();
      await t.within("all calls", Promise.all(calls));
      await t.verify(history);
      atMost("requests that the held server had", history.seenBy("held").length, 5);
    },
  },
  {
    id: "CONC-04",
    title: "a server that is stuck: 3 000 casts of 1 KB wait within bounds, and all arrive when it goes on",
    group: "concurrency",
    clauses: ["B2", "B13"],
    needs: ["rpc", "backpressure=block"],
    timeoutMs: 40_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const probe = rpcProbe(history, "s1", () => gate.pass());
      await t.serve(await t.open(), { topic, server: "s1" }, probe, { concurrency: 1, credit: 1 });
      const client = (await t.open()).client({ topic }, { sendTimeoutMs: t.ms(25_000) });
      const filler = "x".repeat(1_000);
      const casts = Array.from({ length: 3_000 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["s1"]], () => client.cast("note", { id, filler }));
      });
      await t.within("the handler to run", gate.arrived(1));
      await t.quiet();
      sameValue("messages that a server of credit 1 was given while it was stuck", history.handlings.length, 1);
      gate.open();
      const state = (): string => {
        const accepted = history.sends.filter((send) => send.state === "ok").length;
        return `${accepted} of ${casts.length} were accepted, and ${history.handlings.length} handled; the last change was ${Math.round(history.idleMs)} ms ago`;
      };
      await t.within("all casts to be accepted", Promise.all(casts), 20_000, state);
      await t.verify(history);
    },
  },
  {
    id: "CONC-05",
    title: "a stuck server on one topic: calls on another topic of the same transports stay quick",
    group: "concurrency",
    clauses: ["B9", "B13"],
    needs: ["rpc"],
    async run(t) {
      const [stuck, free] = [t.name("stuck"), t.name("free")];
      const gate = t.gate();
      const host = await t.open();
      await t.serve(host, { topic: stuck, server: "s" }, { hold: () => gate.pass() }, { concurrency: 1, credit: 1 });
      await t.serve(host, { topic: free, server: "f" }, { alive: () => "yes" });
      const transport = await t.open();
      const held = Promise.allSettled(
        Array.from({ length: 50 }, () => transport.client({ topic: stuck }).call("hold")),
      );
      await t.within("the stuck handler to run", gate.arrived(1));
      const client = transport.client({ topic: free });
      const times: number[] = [];
      for (let n = 0; n < 100; n++) {
        const began = performance.now();
        await t.within("a call on the free topic", client.call("alive"));
        times.push(performance.now() - began);
        t.saw();
      }
      times.sort((a, b) => a - b);
      atMost("milliseconds of the slowest but one call in 100", times[98] ?? 0, t.ms(500));
      gate.open();
      const outcomes = await t.within("the held calls", held);
      sameValue("held calls that were answered", outcomes.filter(({ status }) => status === "fulfilled").length, 50);
    },
  },
  {
    id: "CONC-07",
    title: "50 servers on topics of their own, started at once on one transport: each answers",
    group: "concurrency",
    clauses: ["E2"],
    needs: ["rpc"],
    async run(t) {
      const host = await t.open();
      const topics = Array.from({ length: 50 }, (_, n) => t.name(`topic-${n}`));
      const started = topics.map((topic) => host.serve({ topic, server: "s1" }, { which: () => topic }));
      await t.within("50 servers to start", Promise.all(started));
      await t.joined();
      const transport = await t.open();
      const calls = topics.map((topic) => transport.client({ topic }).call("which"));
      const replies = await t.within("50 calls", Promise.all(calls));
      t.saw(replies.length);
      sameValue("the replies", replies, topics);
    },
  },
  {
    id: "CONC-08",
    title: "a handler blocks the process for 300 ms: nothing is lost, no connection falls, calls go on",
    group: "concurrency",
    clauses: ["B1", "E5"],
    needs: ["rpc"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const hook = (id: string): void => {
        if (id.startsWith("heavy")) block(300);
      };
      const [host, transport] = [await t.open(), await t.open()];
      const falls: string[] = [];
      for (const one of [host, transport]) {
        one.events.on("status", ({ state, detail }) => {
          if (state === "degraded") falls.push(detail);
        });
      }
      await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1", hook));
      const client = transport.client({ topic });
      const ids = ["m0", "heavy 1", "m1", "heavy 2", "m2"];
      for (const id of ids) await history.record(id, [["s1"]], () => client.call("echo", { id }));
      await t.verify(history);
      sameValue("connections that fell", falls, []);
    },
  },
  {
    id: "CONC-09",
    title: "a server without room until the deadline: OverloadedError, and the call never runs",
    group: "concurrency",
    clauses: ["B12", "B13", "G"],
    needs: ["rpc", "undeliverable=no-listener"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const probe = rpcProbe(history, "s1", (id) => (id === "held" ? gate.pass() : undefined));
      await t.serve(await t.open(), { topic, server: "s1" }, probe, { concurrency: 1, credit: 1 });
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(8_000) });
      const held = history.record("held", [["s1"]], () => client.call("echo", { id: "held" }));
      await t.within("the handler to run", gate.arrived(1));
      const refused = Array.from({ length: 5 }, (_, n) =>
        t.rejects(`call ${n}`, client.call("echo", { id: `refused ${n}` }, { timeoutMs: 200 }), OverloadedError),
      );
      const errors = await Promise.all(refused);
      check(
        errors.every((error) => error.retryable),
        "an OverloadedError says that nothing ran and may be repeated",
      );
      gate.open();
      await t.within("the held call", held);
      await history.record("fence", [["s1"]], () => client.call("echo", { id: "fence" }));
      await t.verify(history);
      atLeast("calls that were answered", history.seenBy("s1").length, 2);
    },
  },
  {
    id: "CONC-10",
    title: "without options 64 handlers run at once, and no more",
    group: "concurrency",
    clauses: ["B13", "I"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() });
      const client = (await t.open()).client({ topic });
      const calls = Promise.allSettled(Array.from({ length: 100 }, () => client.call("hold")));
      await t.within("64 handlers to run", gate.arrived(64));
      await t.quiet();
      sameValue("handlers that run", gate.waiting, 64);
      gate.open();
      const outcomes = await t.within("all replies", calls);
      t.saw(outcomes.length);
      sameValue("calls that were answered", outcomes.filter(({ status }) => status === "fulfilled").length, 100);
    },
  },
];
