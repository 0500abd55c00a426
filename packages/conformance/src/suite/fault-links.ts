import { ConnectionLostError, MessagingError, TimeoutError, type Transport } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, check, sameValue, show } from "../check.js";
import type { CaseContext } from "../context.js";
import { FaultScene } from "../fault-scene.js";
import { rpcProbe } from "../probes.js";
import type { Relay } from "../relay.js";

/** Where in a frame a link is cut: in a header, behind it, in a body, between frames. */
const CUT_AFTER: readonly number[] = [1, 6, 7, 8, 30, 150, 700, 3_000];
const HEARTBEAT_MS = 1_000;

/** E5: links that are slow, late, deaf, or cut in the middle of a word. */
export const linkFaultCases: readonly ConformanceCase[] = [
  {
    id: "FLT-03",
    title:
      "the link is cut in the middle of frames, at many places: no half of a message is handled, and all works again",
    group: "faults",
    clauses: ["E5", "E6", "F1"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 120_000,
    async run(t) {
      const relay = await t.relay();
      const scene = await FaultScene.open(t, (end) => openSender(t, end, relay));
      const traffic = scene.traffic();
      const connections = relay.connections;
      for (const bytes of CUT_AFTER) {
        relay.cutAfter(bytes);
        await traffic.more(15);
      }
      await traffic.stop();
      await scene.recovers();
      await scene.settles();
      atLeast("connections that were cut", relay.connections - connections, CUT_AFTER.length / 2);
    },
  },
  {
    id: "FLT-04",
    title:
      "the link is half open, and swallows all: it is found dead within detectionMs, calls end typed, and all works again",
    group: "faults",
    clauses: ["B12", "E5"],
    needs: ["rpc", "ability:relay", "ability:heartbeat"],
    timeoutMs: 120_000,
    async run(t) {
      const relay = await t.relay();
      const scene = await FaultScene.open(t, (end) => openSender(t, end, relay, HEARTBEAT_MS));
      const { detectionMs } = scene.sender.capabilities;
      await scene.round("before");
      const noticed = changedState(scene.sender);
      relay.set({ swallows: "both" });
      const timeoutMs = t.ms(detectionMs + t.claims.recoveryMs + 20_000);
      const calling = outcomeOf(scene.client({ timeoutMs }).call("late", { id: "lost" }));
      await t.within("the link to be found dead", noticed, detectionMs + 1_000);
      t.saw();
      relay.set();
      const error = await t.within("the call to end", calling, timeoutMs);
      const isTyped = error === undefined || error instanceof ConnectionLostError || error instanceof TimeoutError;
      check(isTyped, `the call ended with ${show(error)}`);
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
    },
  },
  {
    id: "FLT-05",
    title: "200 ms of delay, give or take 150: 200 calls at once each have their own reply, and each ran once",
    group: "faults",
    clauses: ["B9", "B12"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.openBy({ via: [relay.endpoint] });
      relay.set({ delayMs: 200, jitterMs: 150 });
      const client = transport.client({ topic }, { timeoutMs: t.ms(30_000) });
      const one = async (n: number): Promise<void> => {
        const params = { id: `m${n}` };
        const reply = await history.record(params.id, [["s1"]], () => client.call("echo", params));
        sameValue("the reply", reply, { by: "s1", params });
      };
      await t.within("the calls", Promise.all(Array.from({ length: 200 }, (_, n) => one(n))), 40_000);
      await t.verify(history);
    },
  },
  {
    id: "FLT-06",
    title: "a message of 160 KB over 40 KB a second: slow is not dead, it arrives over the same connection",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:relay", "ability:heartbeat"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(await t.open(), { topic, server: "s1" }, rpcProbe(history, "s1"));
      const transport = await t.openBy({ via: [relay.endpoint], heartbeatMs: HEARTBEAT_MS });
      const client = transport.client({ topic }, { timeoutMs: t.ms(30_000) });
      await history.record("first", [["s1"]], () => client.call("echo", { id: "first" }));
      const connections = relay.connections;
      relay.set({ bytesPerSecond: 40_000 });
      const text = "x".repeat(160_000);
      const large = history.record("large", [["s1"]], () => client.call("echo", { id: "large", text }));
      await t.within("the call", large, 30_000);
      await t.verify(history);
      sameValue("connections that were made again", relay.connections - connections, 0);
    },
  },
  {
    id: "FLT-07",
    title: "requests pass and replies are lost: the caller is told by its deadline, and the handler ran once at most",
    group: "faults",
    clauses: ["B6", "B12"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const scene = await FaultScene.open(t, (end) => openSender(t, end, relay));
      await scene.round("before");
      relay.set({ swallows: "replies" });
      const client = scene.client({ timeoutMs: 1_000 });
      const calls = Array.from({ length: 5 }, (_, n) => {
        const id = `deaf ${n}`;
        const call = scene.history.record(id, [["s1", "s2"]], () => client.call("echo", { id }));
        return t.within("a call whose reply is lost", call, 3_000);
      });
      await Promise.all(calls);
      for (const { id, error } of scene.history.sends.filter((send) => send.id.startsWith("deaf"))) {
        const isTyped = error instanceof TimeoutError || error instanceof ConnectionLostError;
        check(isTyped, `${id} ended with ${show(error)}`);
      }
      relay.set();
      relay.cut();
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history, { failures: true });
    },
  },
  {
    id: "FLT-19",
    title:
      "a link is cut twice: the status says each time, once, that it is lost and that it is there again; at the end closed",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const scene = await FaultScene.open(t, (end) => openSender(t, end, relay));
      // Without a broker there is no link before something is sent.
      await scene.round("before");
      const states: string[] = [];
      scene.sender.events.on("status", ({ state }) => states.push(state));
      for (let cut = 0; cut < 2; cut++) {
        const seen = states.length;
        relay.cut();
        await t.until(
          "the loss and the return to be told",
          () => states.slice(seen).includes("connected"),
          () => states,
        );
        await scene.recovers();
      }
      await t.within("close", scene.sender.close());
      t.saw(states.length);
      const lost = states.filter((state) => state === "degraded" || state === "connecting");
      check(lost.length >= 2, `the losses were not told: ${show(states)}`);
      const repeated = states.filter((state, index) => state === states[index - 1]);
      sameValue("states that were told twice in a row", repeated, []);
      sameValue("times that it was connected again", states.filter((state) => state === "connected").length, 2);
      sameValue("the last state", states.at(-1), "closed");
    },
  },
];

/** The sender's link is the one that is spoilt; servers and listeners have a good one. */
function openSender(
  t: CaseContext,
  end: "sender" | "consumers",
  relay: Relay,
  heartbeatMs?: number,
): Promise<Transport> {
  if (end === "consumers") return t.open();
  return t.openBy({ via: [relay.endpoint], ...(heartbeatMs === undefined ? {} : { heartbeatMs }) });
}

/** Resolves when the transport says that it is not connected any more. */
function changedState({ events }: Transport): Promise<void> {
  return new Promise((resolve) => {
    events.on("status", ({ state }) => {
      if (state !== "connected") resolve();
    });
  });
}

/** What `promise` rejects with; undefined where it resolves. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof MessagingError ? error : (error ?? "nothing")),
  );
}
