import {
  ConnectionLostError,
  InvalidArgumentError,
  MessagingError,
  NotSupportedError,
  TimeoutError,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue, show } from "../check.js";
import { rpcProbe } from "../probes.js";
import { describeWrongError } from "../wrong-error.js";

/** B8: a monitored call lives as long as its server beats. */
export const monitoringCases: readonly ConformanceCase[] = [
  {
    id: "TIME-10",
    title: "a monitored call outlives its monitor time several times over, at work and in the server's queue",
    group: "timeouts",
    clauses: ["B8"],
    needs: ["rpc", "callMonitor"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(
        await t.open(),
        { topic, server: "s1" },
        { hold: () => gate.pass() },
        { concurrency: 1, credit: 4 },
      );
      const monitorMs = t.ms(250);
      const client = (await t.open()).client({ topic }, { monitorMs, timeoutMs: t.ms(15_000) });
      // The first is at work; the second waits in the server's queue, which counts as life too.
      const both = Promise.allSettled([client.call("hold"), client.call("hold")]);
      await t.within("the handler to run", gate.arrived(1));
      const began = performance.now();
      await t.until("four monitor times to pass", () => performance.now() - began > 4 * monitorMs);
      t.saw();
      gate.open();
      const outcomes = await t.within("both replies", both);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") t.errors.push(outcome.reason);
        check(outcome.status === "fulfilled", `a live server's call failed: ${show(outcome)}`);
      }
    },
  },
  {
    id: "TIME-11",
    title: "the process of a monitored server is killed: its call fails long before the timeout",
    group: "timeouts",
    clauses: ["B8", "B12"],
    needs: ["rpc", "callMonitor", "crossProcess", "ability:workers"],
    async run(t) {
      const topic = t.name("compute");
      const worker = await t.worker();
      await t.within("serve in the worker", worker.ask({ do: "serve", topic, server: "s1" }));
      await t.joined();
      const monitorMs = t.ms(1_000);
      const client = (await t.open()).client({ topic }, { monitorMs, timeoutMs: t.ms(60_000) });
      const call = t.rejects("the call", client.call("hold", { id: "m1" }), MessagingError);
      await t.within("the handler in the worker to run", worker.ask({ do: "wait", id: "m1" }));
      worker.kill();
      await t.within("the process to end", worker.ended);
      const began = performance.now();
      const error = await call;
      atMost("milliseconds until the caller knew", performance.now() - began, 2 * monitorMs);
      const isTold = error instanceof TimeoutError || (error instanceof ConnectionLostError && error.mayHaveRun);
      const got = describeWrongError(error, TimeoutError, ConnectionLostError);
      check(isTold, `expected TimeoutError, or ConnectionLostError with mayHaveRun, got ${got}`);
    },
  },
  {
    id: "TIME-17",
    title: "a monitored call still ends at its own deadline; a bad monitor time is refused",
    group: "timeouts",
    clauses: ["B6", "B8"],
    needs: ["rpc", "callMonitor"],
    async run(t) {
      const topic = t.name("compute");
      const gate = t.gate();
      await t.serve(await t.open(), { topic, server: "s1" }, { hold: () => gate.pass() });
      const client = (await t.open()).client({ topic });
      const monitorMs = t.ms(300);
      // Long enough that a server which does not beat would be given up before.
      const timeoutMs = 2 * monitorMs;
      const began = performance.now();
      await t.rejects("the call", client.call("hold", {}, { timeoutMs, monitorMs }), TimeoutError);
      const took = performance.now() - began;
      check(took >= timeoutMs - 2, `the server beats, and the call ended after ${took} of ${timeoutMs} ms`);
      atMost("milliseconds until the timeout", took, timeoutMs + t.ms(1_000));
      for (const monitorMs of [0, -5, Number.NaN]) {
        await t.refuses(`monitorMs ${monitorMs}`, () => client.call("hold", {}, { monitorMs }), InvalidArgumentError);
      }
    },
  },
  {
    id: "TIME-R1",
    title: "callMonitor not claimed: monitorMs is refused, and nothing is sent; without it the call works",
    group: "timeouts",
    clauses: ["B8", "H"],
    needs: ["rpc", "!callMonitor"],
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.open();
      const client = transport.client({ topic });
      const asks = [
        () => transport.client({ topic }, { monitorMs: 1_000 }).call("echo", { id: "refused" }),
        () => client.call("echo", { id: "refused" }, { monitorMs: 1_000 }),
      ];
      for (const ask of asks) {
        const error = await t.refuses("a monitored call", ask, NotSupportedError);
        sameValue("the capability", error.capability, "callMonitor");
        sameValue("the driver", error.driver, transport.driverName);
      }
      await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      await t.verify(history);
    },
  },
];
