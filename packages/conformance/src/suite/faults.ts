import { AbortError, ConnectError, ConnectionLostError, MessagingError, TimeoutError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, check, sameValue, show } from "../check.js";
import { FaultScene } from "../fault-scene.js";
import { rpcProbe } from "../probes.js";
import type { Relay } from "../relay.js";

/** E5, E6: links that are cut, brokers that die, hang and come back. Every message is accounted for. */
export const faultCases: readonly ConformanceCase[] = [
  {
    id: "FLT-01",
    title:
      "the link is cut while nothing happens: within recoveryMs calls, casts, fanouts and events all work, each once",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      const scene = await FaultScene.open(t, () => t.openBy({ via: [relay.endpoint] }));
      await scene.round("before");
      const connections = relay.connections;
      relay.cut();
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
      atLeast("connections that were made again", relay.connections - connections, 1);
    },
  },
  {
    id: "FLT-02",
    title: "the link is cut while a handler runs: the caller has the answer or a typed error, and the handler ran once",
    group: "faults",
    clauses: ["B12", "E5"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const history = t.history();
      const topic = t.name("compute");
      const relay = await t.relay();
      const gate = t.gate();
      const probe = rpcProbe(history, "s1", () => gate.pass());
      await t.serve(await t.openBy({ via: [relay.endpoint] }), { topic, server: "s1" }, probe);
      const transport = await t.openBy({ via: [relay.endpoint] });
      const client = transport.client({ topic }, { timeoutMs: t.ms(t.claims.recoveryMs + 5_000) });
      const calling = history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      await t.within("the handler to run", gate.arrived(1));
      relay.cut();
      gate.open();
      const reply = await t.within("the call", calling, t.claims.recoveryMs + 6_000);
      const error = history.sends[0]?.error;
      if (error === undefined) sameValue("the reply", reply, { by: "s1", params: { id: "m1" } });
      const isTyped = error === undefined || error instanceof ConnectionLostError || error instanceof TimeoutError;
      check(isTyped, `the call ended with ${show(error)}`);
      await t.verify(history, { failures: true });
    },
  },
  {
    id: "FLT-08",
    title:
      "ten cuts in a stream of casts, calls and events: what was accepted is handled, and nothing that was not sent",
    group: "faults",
    clauses: ["B12", "E5", "E6"],
    needs: ["rpc", "ability:relay"],
    timeoutMs: 120_000,
    async run(t) {
      const [near, far] = [await t.relay(), await t.relay()];
      const scene = await FaultScene.open(t, (end) => t.openBy({ via: [(end === "sender" ? near : far).endpoint] }));
      const relays: readonly Relay[] = [near, far];
      const traffic = scene.traffic();
      for (let cut = 0; cut < 10; cut++) {
        await traffic.more(20);
        relays[cut % 2]?.cut();
      }
      await traffic.stop();
      await scene.recovers();
      await scene.settles();
    },
  },
  {
    id: "FLT-16",
    title:
      "two endpoints, the first dead: the second serves; the second dies, and the first, which lives again, takes over",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "failover", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const [first, second] = [await t.relay(), await t.relay()];
      await first.refuse();
      const scene = await FaultScene.open(t, () => t.openBy({ via: [first.endpoint, second.endpoint] }));
      await scene.round("over the second");
      atLeast("connections over the second", second.connections, 1);
      await first.admit();
      await second.refuse();
      await scene.recovers();
      await scene.round("over the first");
      atLeast("connections over the first", first.connections, 1);
      await t.verify(scene.history);
    },
  },
  {
    id: "FLT-12",
    title: "the broker is killed and started while nothing happens: within recoveryMs of its return all works",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:broker"],
    timeoutMs: 120_000,
    async run(t) {
      const scene = await FaultScene.open(t, () => t.open());
      await scene.round("before");
      await t.broker.kill();
      await t.broker.start();
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
    },
  },
  {
    id: "FLT-13",
    title: "the broker is killed and started in a stream of casts and events: what was accepted is handled",
    group: "faults",
    clauses: ["B12", "C7", "E6"],
    needs: ["rpc", "events", "acceptance.casts=durable", "acceptance.events=durable", "ability:broker"],
    timeoutMs: 120_000,
    async run(t) {
      const scene = await FaultScene.open(t, () => t.open());
      const traffic = scene.traffic();
      await traffic.more(200);
      await t.broker.kill();
      await t.broker.start();
      await traffic.more(50);
      await traffic.stop();
      await scene.recovers();
      await scene.settles();
    },
  },
  {
    id: "FLT-14",
    title:
      "the broker is down: open is refused in time, can be called off, and succeeds where the broker comes meanwhile",
    group: "faults",
    clauses: ["A7", "E1"],
    needs: ["rpc", "ability:broker"],
    timeoutMs: 120_000,
    async run(t) {
      await (await t.open()).close();
      await t.broker.kill();
      const connectTimeoutMs = t.ms(400);
      const soon = t.attempt({ options: { connectTimeoutMs } });
      await t.rejects("openTransport with 400 ms", soon, ConnectError);
      const reason = new Error("not needed any more");
      const controller = new AbortController();
      const called = t.attempt({ options: { connectTimeoutMs: t.ms(60_000), signal: controller.signal } });
      controller.abort(reason);
      const error = await t.rejects("openTransport that is called off", called, AbortError);
      check(error.cause === reason, `the error's cause is ${show(error.cause)}`);
      const opening = t.attempt({ options: { connectTimeoutMs: t.ms(60_000) } });
      opening.catch(() => {});
      await t.broker.start();
      const transport = t.adopt(await t.within("openTransport", opening, t.claims.recoveryMs + 5_000));
      const history = t.history();
      const topic = t.name("compute");
      await t.serve(transport, { topic, server: "s1" }, rpcProbe(history, "s1"));
      await history.record("m1", [["s1"]], () => transport.client({ topic }).call("echo", { id: "m1" }));
      await t.verify(history);
    },
  },
  {
    id: "FLT-17",
    title: "queues are deleted behind the driver's back: within recoveryMs all works again, and no consumer is deaf",
    group: "faults",
    clauses: ["E5"],
    needs: ["rpc", "ability:queues"],
    timeoutMs: 60_000,
    async run(t) {
      const scene = await FaultScene.open(t, () => t.open());
      await scene.round("before");
      await t.verify(scene.history);
      await t.loseQueues();
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
    },
  },
  {
    id: "FLT-15",
    title: "the broker hangs for longer than a call waits, and goes on: late replies harm nobody, and all works",
    group: "faults",
    clauses: ["B6", "B9", "E5"],
    needs: ["rpc", "ability:broker"],
    timeoutMs: 120_000,
    async run(t) {
      const scene = await FaultScene.open(t, () => t.open());
      await scene.round("before");
      await t.broker.freeze();
      const client = scene.client({ timeoutMs: 300 });
      const late = Array.from({ length: 5 }, (_, n) =>
        t.rejects(`call ${n} into a broker that hangs`, client.call("late", { n }), MessagingError),
      );
      const errors = await Promise.all(late);
      await t.broker.thaw();
      for (const error of errors) {
        const isTyped = error instanceof TimeoutError || error instanceof ConnectionLostError;
        check(isTyped, `a call into a broker that hangs ended with ${show(error)}`);
      }
      await scene.recovers();
      await scene.round("after");
      await t.verify(scene.history);
    },
  },
];
