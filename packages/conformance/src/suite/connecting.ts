import { AbortError, ClosedError, ConnectError, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, atMost, check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import { rpcProbe } from "../probes.js";
import type { Relay } from "../relay.js";

/** So often at most does whoever backs off knock in a few seconds. */
const MOST_ATTEMPTS = 100;

/**
 * E1, E4, E5, B6: what an opening, a lost link and a close do while nobody lets them in, counted by the relay that turns them
 * away. That none of them knocks later is shown by an opening that is let in, and by the timers that the kit looks for.
 */
export const connectingCases: readonly ConformanceCase[] = [
  {
    id: "ERR-10",
    title:
      "every connection is turned away: opening tries again with a pause, until its time is over, it is aborted, or let in",
    group: "errors",
    clauses: ["E1", "G"],
    needs: ["ability:relay", "ability:endpoint"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const via = [relay.endpoint];
      const each = await connectionsOfOne(t, relay);
      relay.turnAway(true);

      const connectTimeoutMs = t.ms(3_000);
      const [began, before] = [performance.now(), relay.connections];
      await t.rejects("an opening", t.attempt({ via, options: { connectTimeoutMs } }), ConnectError);
      const took = performance.now() - began;
      atLeast("milliseconds that it tried", took, connectTimeoutMs - 2);
      atMost("milliseconds that it tried", took, connectTimeoutMs + t.ms(1_000));
      atLeast("attempts to connect", relay.connections - before, 2);
      atMost("attempts to connect", relay.connections - before, MOST_ATTEMPTS);

      const controller = new AbortController();
      const request = { via, options: { connectTimeoutMs: t.ms(20_000), signal: controller.signal } };
      const aborted = t.rejects("an opening that is aborted", t.attempt(request), AbortError);
      await knocks(t, relay, 1);
      controller.abort();
      await aborted;
      await isLeftAlone(t, relay, each);

      relay.turnAway(true);
      const opening = t.attempt({ via, options: { connectTimeoutMs: t.ms(20_000) } });
      opening.catch(() => {});
      await knocks(t, relay, 2);
      relay.turnAway(false);
      t.adopt(await t.within("the opening to be let in", opening, 20_000));
    },
  },
  {
    id: "TIME-02",
    title: "a timeout shorter than the connection takes to be made: the call and the opening end in time all the same",
    group: "timeouts",
    clauses: ["B6", "E1", "E5"],
    needs: ["rpc", "ability:relay", "ability:endpoint"],
    timeoutMs: 120_000,
    async run(t) {
      const relay = await t.relay();
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.openBy({ via: [relay.endpoint] });
      const client = transport.client({ topic });
      await history.record("before", [["s1"]], () => client.call("echo", { id: "before" }));

      const timeoutMs = 500;
      relay.set({ delayMs: 3 * timeoutMs });
      const isLost = new Promise<void>((resolve) => transport.events.once("status", () => resolve()));
      relay.cut();
      await t.within("the loss of the link to be told", isLost);
      const began = performance.now();
      const late: Promise<unknown> = history.record("late", [["s1"]], () =>
        client.call("echo", { id: "late" }, { timeoutMs }),
      );
      const request = { via: [relay.endpoint], options: { connectTimeoutMs: timeoutMs } };
      const opening = t.rejects("an opening", t.attempt(request), ConnectError);
      const ends = [late, opening].map(async (end: Promise<unknown>) => {
        await t.within("what has half a second", end);
        return performance.now() - began;
      });
      for (const took of await Promise.all(ends)) {
        atLeast("milliseconds until it was over", took, timeoutMs - 2);
        atMost("milliseconds until it was over", took, timeoutMs + t.ms(1_000));
      }
      const error = history.sends.find(({ id }) => id === "late")?.error;
      check(error instanceof TimeoutError, `the call ended with ${String(error)}`);

      relay.set();
      const patience = t.ms(t.claims.recoveryMs + 10_000);
      const fence = (): Promise<unknown> => client.call("echo", { id: "fence" }, { timeoutMs: patience });
      await t.within("a call after it", history.record("fence", [["s1"]], fence), t.claims.recoveryMs + 11_000);
      await t.verify(history, { failures: true });
      sameValue("times that the call ran whose time was over before it could be sent", history.countOf("late"), 0);
      sameValue("times that the last call ran", history.countOf("fence"), 1);
    },
  },
  {
    id: "LIFE-10",
    title: "close() while the link is tried again, or hangs in its greeting: it is over soon, and nobody knocks later",
    group: "lifecycle",
    clauses: ["E1", "E4"],
    needs: ["rpc", "ability:relay", "ability:endpoint"],
    timeoutMs: 120_000,
    async run(t) {
      const relay = await t.relay();
      const via = [relay.endpoint];
      const each = await connectionsOfOne(t, relay);
      const ways: readonly (readonly [string, () => void])[] = [
        ["turned away", () => relay.turnAway(true)],
        ["not answered", () => relay.set({ swallows: "both" })],
      ];
      for (const [way, spoil] of ways) {
        const transport = await t.openBy({ via });
        const topic = t.name("compute");
        await t.serve(transport, { topic, server: "s1" }, { echo: () => null });
        spoil();
        relay.cut();
        await knocks(t, relay, 1);
        const client = transport.client({ topic }, { timeoutMs: t.ms(30_000) });
        const pending = t.rejects(`a call that waits, ${way}`, client.call("echo"), ClosedError);
        const began = performance.now();
        await t.within(`close(), ${way}`, transport.close());
        atMost(`milliseconds that close() took, ${way}`, performance.now() - began, t.ms(2_000));
        await pending;
        await isLeftAlone(t, relay, each);
      }

      relay.set({ swallows: "both" });
      const controller = new AbortController();
      const options = { connectTimeoutMs: t.ms(20_000), signal: controller.signal };
      const opening = t.rejects("an opening that is aborted", t.attempt({ via, options }), AbortError);
      await knocks(t, relay, 1);
      const began = performance.now();
      controller.abort();
      await opening;
      atMost("milliseconds until it ended", performance.now() - began, t.ms(1_000));
      await isLeftAlone(t, relay, each);
    },
  },
  {
    id: "LIFE-15",
    title: "openTransport connects before it resolves; clients and notifiers that are only made connect no further",
    group: "lifecycle",
    clauses: ["E1"],
    needs: ["rpc", "ability:relay", "ability:endpoint"],
    async run(t) {
      const relay = await t.relay();
      const transport = await t.openBy({ via: [relay.endpoint] });
      const connections = relay.connections;
      atLeast("connections of an open transport", connections, 1);
      atLeast("bytes that it sent", relay.bytes, 1);
      for (let n = 0; n < 20; n++) {
        transport.client({ topic: t.name("compute") });
        if (t.claims.events) transport.notifier({ publisherId: "kit", topics: [t.name("events")] });
      }
      const other = await t.openBy({ via: [relay.endpoint] });
      t.saw();
      sameValue("connections of two open transports", relay.connections, 2 * connections);
      await t.within("close()", other.close());
    },
  },
  {
    // B11 promises an order as long as no link failed: what was accepted before a cut, and what was sent behind it, each by itself.
    id: "ORD-04",
    title: "the sender's link is cut three times: the casts between two cuts keep their order, and none runs twice",
    group: "ordering",
    clauses: ["B10", "B11"],
    needs: ["rpc", "ordering=per-target", "ability:relay"],
    timeoutMs: 180_000,
    async run(t) {
      const relay = await t.relay();
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"), { concurrency: 1 });
      const patience = t.ms(t.claims.recoveryMs + 10_000);
      const transport = await t.openBy({ via: [relay.endpoint], options: { sendTimeoutMs: patience } });
      const client = transport.client({ topic });
      const cast = (id: string, sender: string): Promise<unknown> =>
        history.record(id, [["s1"]], () => client.cast("note", { id }), sender);
      for (let stretch = 0; stretch < 4; stretch++) {
        const calm = Array.from({ length: 100 }, (_, n) => cast(`${stretch}: ${n}`, `stretch ${stretch}`));
        await t.within("the casts between two cuts", Promise.all(calm));
        if (stretch === 3) break;
        // What is under way as the link falls has no order, and must come to an end.
        const torn = Array.from({ length: 20 }, (_, n) => cast(`${stretch}, torn: ${n}`, `${stretch} ${n}`));
        relay.cut();
        await t.within("the casts of the cut", Promise.all(torn), t.claims.recoveryMs + 11_000);
      }
      await t.verify(history, { order: true, failures: true });
      const calm = history.sends.filter(({ sender }) => sender.startsWith("stretch"));
      const refused = calm.filter(({ state }) => state !== "ok").map(({ id }) => id);
      sameValue("casts that were refused although the link was there", refused, []);
    },
  },
];

/** How many connections a transport makes as it opens. */
async function connectionsOfOne(t: CaseContext, relay: Relay): Promise<number> {
  const before = relay.connections;
  const transport = await t.openBy({ via: [relay.endpoint] });
  const made = relay.connections - before;
  t.saw();
  await t.within("close()", transport.close());
  return made;
}

/** Waits until somebody has come to the relay `times` more. */
async function knocks(t: CaseContext, relay: Relay, times: number): Promise<void> {
  const goal = relay.connections + times;
  const state = (): number => relay.connections;
  await t.until("an attempt to connect", () => relay.connections >= goal, state, t.claims.recoveryMs + 5_000);
  t.saw(times);
}

/** That nobody but a new transport comes to the relay, which lets everybody through again. */
async function isLeftAlone(t: CaseContext, relay: Relay, each: number): Promise<void> {
  // What was on its way is still taken for a moment, and is no attempt of later.
  await t.quiet();
  const before = relay.connections;
  relay.turnAway(false);
  relay.set();
  sameValue("connections of a new transport", await connectionsOfOne(t, relay), each);
  await t.quiet();
  sameValue("connections since then", relay.connections - before, each);
}
