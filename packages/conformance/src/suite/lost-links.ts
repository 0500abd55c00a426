import { ConnectionLostError, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue, show } from "../check.js";
import { FaultScene } from "../fault-scene.js";
import { rpcProbe } from "../probes.js";

/** E5: every link is lost at once, where nothing stands between driver and backend that could cut one. */
export const lostLinkCases: readonly ConformanceCase[] = [
  {
    id: "FLT-21",
    title: "every link is lost for a moment: within recoveryMs calls, casts, fanouts and events all work, each once",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:cuts"],
    timeoutMs: 60_000,
    async run(t) {
      const scene = await FaultScene.open(t, () => t.open());
      await scene.round("before");
      await t.verify(scene.history);
      await t.cutLinks();
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
    },
  },
  {
    id: "FLT-22",
    title:
      "every link is lost while handlers run: the call has its answer or a typed error, each handler ran once, and so do the next",
    group: "faults",
    clauses: ["B12", "E5"],
    needs: ["rpc", "ability:cuts"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const gate = t.gate();
      const probe = rpcProbe(history, "s1", () => gate.pass());
      await t.serve(await t.open(), { topic, server: "s1" }, probe);
      const timeoutMs = t.ms(t.claims.recoveryMs + t.timing.waitMs);
      const client = (await t.open()).client({ topic }, { timeoutMs, sendTimeoutMs: timeoutMs });
      const call = (id: string): Promise<unknown> => history.record(id, [["s1"]], () => client.call("echo", { id }));
      const cast = (id: string): Promise<unknown> => history.record(id, [["s1"]], () => client.cast("note", { id }));
      await t.within("the first cast to be accepted", cast("cast before"));
      const calling = call("call before");
      await t.within("both handlers to run", gate.arrived(2));
      await t.cutLinks();
      gate.open();
      await t.within("the call", calling, timeoutMs + 1_000);
      const error = history.sends.find(({ id }) => id === "call before")?.error;
      const isTyped = error === undefined || error instanceof ConnectionLostError || error instanceof TimeoutError;
      check(isTyped, `the call ended with ${show(error)}`);
      await t.within(
        "a call and a cast after it",
        Promise.all([call("call after"), cast("cast after")]),
        timeoutMs + 1_000,
      );
      const failed = history.sends.filter(({ id, state }) => id.endsWith("after") && state !== "ok");
      sameValue(
        "what failed after it",
        failed.map(({ id }) => id),
        [],
      );
      await t.verify(history, { failures: true });
    },
  },
];
