import { ConnectionLostError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, check, sameValue } from "../check.js";
import { eventProbe, rpcProbe } from "../probes.js";

const HEARTBEAT_MS = 1_000;
const CASTS = 20;

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
  {
    id: "FLT-20",
    title:
      "the process of a server hangs until its link is given up, and goes on: no cast runs both there and elsewhere, and each loss is told",
    group: "processes",
    clauses: ["B12"],
    needs: ["rpc", "crossProcess", "ability:workers", "ability:heartbeat"],
    timeoutMs: 90_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const worker = await t.worker(t.space, { heartbeatMs: HEARTBEAT_MS });
      await t.within("serve in the worker", worker.ask({ do: "serve", topic, server: "w1" }));
      await t.joined();
      const sender = await t.openBy({ heartbeatMs: HEARTBEAT_MS });
      const client = sender.client({ topic });
      await client.cast("note", { id: "first" });
      await t.within("the worker to work", worker.ask({ do: "wait", id: "first" }));
      worker.freeze();
      // It comes while the other hangs, and hears nothing of it.
      const host = await t.openBy({ heartbeatMs: HEARTBEAT_MS });
      await t.serve(host, { topic, server: "s2" }, rpcProbe(history, "s2"));
      let lost = 0;
      for (const { events } of [sender, host]) events.on("castsLost", ({ count }) => (lost += count));
      const ids = Array.from({ length: CASTS }, (_, n) => `m${n}`);
      const unknown = new Set<string>();
      const send = async (id: string): Promise<void> => {
        try {
          await client.cast("note", { id });
        } catch (error) {
          // Where it is the hung process itself that accepts, its silence is told to the sender of each.
          const isTold =
            t.claims.acceptance.casts === "transport" && error instanceof ConnectionLostError && error.mayHaveRun;
          if (!isTold) throw error;
          unknown.add(id);
        }
      };
      // Those of the first half may all be under way to the one that hangs; the others are sent when that is known.
      for (const half of [ids.slice(0, CASTS / 2), ids.slice(CASTS / 2)]) {
        const sending = Promise.all(half.map((id) => send(id)));
        await t.within("the casts to be accepted, or told as unknown", sending, t.claims.detectionMs + t.timing.waitMs);
      }
      const here = (): number => ids.filter((id) => history.countOf(id) > 0).length;
      // What waits in the hung process itself can only run, or be told, when that goes on.
      const patience = sender.capabilities.detectionMs + t.timing.waitMs;
      const isSettled = (): boolean => here() + lost + unknown.size >= CASTS;
      await t.until("the casts to be settled elsewhere", isSettled, undefined, patience).catch(() => {});
      worker.thaw();
      await t.within("the worker to be there again", worker.ask({ do: "seen" }), 10_000);
      // Whatever the two have to say to each other comes before this.
      const direct = t.claims.serverDirected ? client.to({ server: "w1" }) : undefined;
      if (direct !== undefined) {
        const fence = t.later(direct.call("echo", { id: "fence" }, { timeoutMs: t.ms(t.claims.recoveryMs + 20_000) }));
        await t.within("a call to the worker", fence, t.claims.recoveryMs + 21_000);
      }
      await t.quiet();
      // That is what it answers this with.
      const seen = (await t.within("what the worker has handled", worker.ask({ do: "seen" }))) as readonly string[];
      const there = ids.filter((id) => seen.includes(id));
      const twice = ids.filter((id) => history.countOf(id) + seen.filter((one) => one === id).length > 1);
      sameValue("casts that ran twice", twice, []);
      atLeast("casts that ran", here() + there.length, 1);
      const missing = ids.filter((id) => history.countOf(id) === 0 && !seen.includes(id) && !unknown.has(id));
      const told = (): boolean => missing.length <= lost;
      await t.until("each loss to be told (castsLost)", told, () => ({ missing, lost }), t.timing.waitMs + 10_000);
      check(missing.length < CASTS, "every cast was lost");
      t.note(
        `${here()} ran elsewhere, ${there.length} in the process that hung, ${missing.length} were lost, ${unknown.size} were told as unknown`,
      );
    },
  },
];
