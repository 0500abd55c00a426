import { ConnectionLostError, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, fail, sameValue } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import type { Residue } from "../harness.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** E3, E4: what is left of a process that never closed, and of listeners and servers that stopped in the middle of a stream. */
export const departureCases: readonly ConformanceCase[] = [
  {
    id: "LIFE-13",
    title: "a process that never closes: as long as it serves it lives, and exit() and SIGTERM end it without a crash",
    group: "processes",
    clauses: ["B12", "E4"],
    needs: ["rpc", "crossProcess", "ability:workers"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const timeoutMs = t.ms(20_000);
      const client = (await t.open()).client({ topic }, { timeoutMs });

      const living = await t.worker();
      await t.within("serve in the worker", living.ask({ do: "serve", topic, server: "living" }));
      await t.joined();
      await t.within("the worker to let go of its parent", living.ask({ do: "leave" }));
      for (let n = 0; n < 5; n++) {
        const params = { id: `m${n}` };
        const reply = await t.within("a call", client.call("echo", params));
        sameValue("the reply", reply, { by: "living", params });
        t.saw();
      }
      living.terminate();
      const ended = await t.within("the process to end by a signal", living.ended);
      sameValue("how it ended", ended, { code: null, signal: "SIGTERM", stderr: "" });

      const leaving = await t.worker();
      const own = t.name("own");
      await t.within("serve in the worker", leaving.ask({ do: "serve", topic: own, server: "leaving" }));
      await t.joined();
      const held = client.to({ topic: own }).call("hold", { id: "held" }, { timeoutMs: t.ms(2_000) });
      held.catch(() => {});
      await t.within("the handler in the worker to run", leaving.ask({ do: "wait", id: "held" }));
      leaving.ask({ do: "exit", code: 7 }).catch(() => {});
      const { code, signal, stderr } = await t.within("the process to end by exit()", leaving.ended);
      sameValue("how it ended", { code, signal, stderr }, { code: 7, signal: null, stderr: "" });
      await history.record("held", [["leaving"]], () => held);
      const error = history.sends[0]?.error;
      check(
        error instanceof TimeoutError || error instanceof ConnectionLostError,
        `the call ended with ${String(error)}`,
      );
    },
  },
  {
    id: "LIFE-14",
    title:
      "listeners and servers come and go in the middle of a stream: the backend keeps no consumer, and ever the same queues",
    group: "lifecycle",
    clauses: ["E3", "E4"],
    needs: ["rpc", "events", "pools", "ability:inspect"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const before = await inspect(t);
      const host = await t.open();
      const seen: Residue[] = [];
      for (let round = 0; round < 5; round++) {
        const listener = await t.listen(host, topic, eventProbe(history, "listener"), { pool: "audit" });
        const server = await t.serve(host, { topic, server: "s1" }, rpcProbe(history, "s1"));
        const ids = Array.from({ length: 40 }, (_, n) => `${round}: ${n}`);
        const sent = ids.map((id) => history.record(id, [["listener"]], () => notifier.info("kit.event", { id })));
        await t.until("events to flow", () => ids.some((id) => history.countOf(id) > 0));
        await t.within("stop() of the listener, amid its events", listener.stop());
        await t.within("stop() of the server", server.stop());
        await t.within("the rest of the events to be accepted", Promise.all(sent));
        const [first] = seen;
        seen.push(first === undefined ? await inspect(t) : await inspect(t, (now) => isAsBefore(now, first)));
      }
      await t.within("close()", host.close());
      const after = await inspect(t, ({ connections, consumers }) => {
        return connections <= before.connections && consumers <= before.consumers;
      });
      t.saw(seen.length);
      const [first, ...later] = seen.map(({ consumers, queues }) => ({ consumers, queues }));
      for (const now of later) sameValue("consumers and queues, as after the first round", now, first);
      sameValue("consumers once the transport is closed", after.consumers, before.consumers);
      sameValue("connections once the transport is closed", after.connections, before.connections);
      await t.listen(await t.open(), topic, eventProbe(history, "listener"), { pool: "audit" });
      await t.verify(history, { repeats: t.claims.redelivery });
    },
  },
];

function isAsBefore(now: Residue, before: Residue): boolean {
  return now.consumers === before.consumers && now.queues === before.queues;
}

/** What the backend says; asked again for a while until it is as it should be. */
async function inspect(t: CaseContext, isRight: (residue: Residue) => boolean = () => true): Promise<Residue> {
  const deadline = performance.now() + t.ms(t.timing.waitMs);
  for (;;) {
    const asked = t.harness.inspect?.(t.space) ?? fail("the harness cannot look into the backend");
    const residue = await t.within("the backend to say what it has", asked);
    if (isRight(residue) || performance.now() > deadline) return residue;
    await pause(20);
  }
}
