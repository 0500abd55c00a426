import { TimeoutError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fakeBus } from "../src/index.js";
import {
  type CallRecord,
  type Consumer,
  event,
  numberOf,
  Peer,
  request,
  type SendRecord,
  uniqueBus,
} from "./support/seam.js";

type Step =
  | { readonly do: "call" | "cast" | "fanout" | "event" | "directed"; readonly from: number }
  | { readonly do: "serve" | "listen"; readonly on: number; readonly credit: number }
  | { readonly do: "stop" | "closeListener"; readonly which: number }
  | { readonly do: "cut" | "heal" | "freeze" | "thaw" | "reopen"; readonly peer: number }
  | { readonly do: "delay"; readonly ms: number }
  | {
      readonly do: "work";
      readonly which: number;
      readonly verdict: "done" | "requeue" | "hand-back";
      readonly isTaken: boolean;
    }
  | { readonly do: "tick"; readonly ms: number };

const index = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom("call", "cast", "fanout", "event", "directed"), from: index }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("serve", "listen"), on: index, credit: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("stop", "closeListener"), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut", "heal", "freeze", "thaw"), peer: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen"), peer: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delay"), ms: fc.constantFrom(0, 5, 50) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("work"),
      which: fc.nat(5),
      verdict: fc.constantFrom("done", "done", "done", "requeue", "hand-back"),
      isTaken: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("tick"), ms: fc.constantFrom(0, 1, 20, 500) }) },
) as fc.Arbitrary<Step>; // the constants above are literals of the steps' types

/** Three transports on one bus, whatever befalls them, and a record of all that was sent and run. */
class World {
  readonly clock: ManualClock = new ManualClock();
  readonly bus: string = uniqueBus();
  readonly control = fakeBus(this.bus);
  readonly peers: Peer[] = [];
  readonly everyPeer: Peer[] = [];
  readonly consumers: { readonly consumer: Consumer; worked: number; isStopped: boolean }[] = [];
  readonly calls: { readonly n: number; readonly record: CallRecord }[] = [];
  readonly sends: {
    readonly n: number;
    readonly kind: string;
    readonly record: SendRecord;
    outcome: "pending" | "ok" | "failed";
    accepted: number;
  }[] = [];
  /** How often each message was taken, by its number. */
  readonly taken: Map<number, number> = new Map();
  #numbers = 0;
  #pools = 0;

  async open(at: number): Promise<void> {
    const peer = await Peer.open(this.bus, { clock: this.clock, options: { peer: `p${at}`, detectionMs: 100 } });
    this.peers[at] = peer;
    this.everyPeer.push(peer);
  }

  peer(at: number): Peer {
    const peer = this.peers[at];
    if (peer === undefined) throw new Error("three peers");
    return peer;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "call":
      case "directed": {
        const peer = this.peer(step.from);
        this.#numbers += 1;
        const to = peer.to("t", step.do === "directed" ? "s1" : undefined);
        this.calls.push({ n: this.#numbers, record: peer.call(to, request(this.#numbers), { forMs: 1e9 }) });
        return;
      }
      case "cast":
      case "fanout":
      case "event": {
        const peer = this.peer(step.from);
        this.#numbers += 1;
        const message = step.do === "event" ? event(this.#numbers) : request(this.#numbers);
        const to =
          step.do === "event"
            ? peer.to("n")
            : step.do === "fanout"
              ? { ...peer.to("t"), fanout: true as const }
              : peer.to("t");
        const send = {
          n: this.#numbers,
          kind: step.do,
          record: peer.send(to, message),
          outcome: "pending" as "pending" | "ok" | "failed",
          accepted: 0,
        };
        this.sends.push(send);
        send.record.receipt.then(
          ({ accepted }) => Object.assign(send, { outcome: "ok", accepted }),
          () => Object.assign(send, { outcome: "failed" }),
        );
        return;
      }
      case "serve":
      case "listen": {
        const peer = this.peer(step.on);
        const listening =
          step.do === "serve"
            ? peer.serve("t", `s${step.on}`, { credit: step.credit })
            : this.#listen(peer, step.credit);
        listening.then(
          (consumer) => this.consumers.push({ consumer, worked: 0, isStopped: false }),
          () => {}, // its transport closed while it was cut
        );
        await this.clock.tick();
        return;
      }
      case "stop":
      case "closeListener": {
        const entry = this.consumers[step.which];
        if (entry === undefined) return;
        void (step.do === "stop" ? entry.consumer.listener.stop() : entry.consumer.listener.close());
        return;
      }
      case "cut":
      case "heal":
      case "freeze":
      case "thaw":
        this.control[step.do](`p${step.peer}`);
        return;
      case "reopen":
        await this.peer(step.peer).close();
        await this.open(step.peer);
        return;
      case "delay":
        this.control.delay(step.ms, step.ms);
        return;
      case "work":
        this.work(step.which, step.verdict, step.isTaken);
        return;
      case "tick":
        await this.clock.tick(step.ms);
        return;
    }
  }

  /** Takes the next delivery of a listener, or settles it untaken. */
  work(which: number, verdict: "done" | "requeue" | "hand-back", isTaken: boolean): boolean {
    const entry = this.consumers[which];
    const delivery = entry?.consumer.deliveries[entry.worked];
    if (entry === undefined || delivery === undefined) return false;
    entry.worked += 1;
    if (!isTaken && verdict === "hand-back") {
      delivery.settle("hand-back");
      return true;
    }
    if (!delivery.take()) {
      delivery.settle("reject");
      return true;
    }
    const n = Number(numberOf(delivery.message));
    this.taken.set(n, (this.taken.get(n) ?? 0) + 1);
    if (verdict === "requeue" && delivery.message.kind === "event") delivery.settle("requeue");
    else delivery.settle("done", { ok: true, value: n });
    return true;
  }

  /** All links heal, everybody works until nothing moves. */
  async calm(): Promise<void> {
    this.control.delay(0);
    this.control.thaw();
    this.control.heal();
    for (let quiet = 0; quiet < 3; ) {
      await this.clock.tick(200);
      let isMoving = false;
      for (let which = 0; which < this.consumers.length; which += 1)
        while (this.work(which, "done", true)) isMoving = true;
      quiet = isMoving ? 0 : quiet + 1;
    }
    await this.clock.tick(40_000);
    for (let which = 0; which < this.consumers.length; which += 1) while (this.work(which, "done", true)) {}
    await this.clock.tick(1_000);
  }

  #listen(peer: Peer, credit: number): Promise<Consumer> {
    this.#pools = (this.#pools + 1) % 2;
    return peer.events("n", { credit, pool: `pool${this.#pools}` });
  }
}

test("whatever happens: one outcome a call, RPC at most once, nothing accepted lost without a word", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 120, size: "max" }), async (steps) => {
      const world = new World();
      try {
        for (const at of [0, 1, 2]) await world.open(at);
        for (const on of [1, 2]) {
          await world.take({ do: "serve", on, credit: 2 });
          await world.take({ do: "listen", on, credit: 2 });
        }
        for (const each of steps) await world.take(each);
        await world.calm();

        // Every call has one outcome, but for those that wait for a listener which was told to stop taking: those have a state.
        for (const { record } of world.calls) {
          expect(record.ends).toBeLessThanOrEqual(1);
          if (record.ends === 0) expect(["no-credit", "no-connection"]).toContain(record.handle.cancel("deadline"));
        }
        for (const { n, record } of world.calls) {
          const outcome = await Promise.race([record.done, Promise.resolve(undefined)]);
          const runs = world.taken.get(n) ?? 0;
          expect(runs).toBeLessThanOrEqual(1);
          if (outcome === undefined) expect(runs).toBe(0);
          else if ("error" in outcome) expect(runs === 0 || outcome.mayHaveRun).toBe(true);
          else expect(outcome).toEqual({ ok: true, value: n });
        }

        let unhandled = 0;
        let unseen = 0;
        for (const send of world.sends) {
          const runs = world.taken.get(send.n) ?? 0;
          if (send.outcome === "pending") send.record.cancel(() => new TimeoutError("still waiting"));
          if (send.kind === "cast") expect(runs).toBeLessThanOrEqual(1);
          const missing = send.outcome === "ok" ? Math.max(0, send.accepted - runs) : 0;
          if (send.kind === "event") unseen += missing;
          else unhandled += missing;
        }
        const told = world.everyPeer.flatMap((peer) => peer.heard.castsLost).reduce((sum, { count }) => sum + count, 0);
        const counted = world.control.counters["castsLost"] ?? 0;
        // An event is handled, or waits for a pool that is away. What is lost is counted; a sender that is gone cannot be told.
        expect(unseen).toBeLessThanOrEqual(world.control.waiting);
        expect(unhandled).toBeLessThanOrEqual(counted);
        if (world.everyPeer.length === 3) expect(told).toBe(counted);
        for (const peer of world.everyPeer) expect(peer.driver.stats().gauges["inHand"]).toBe(0);
      } finally {
        await Promise.all(world.everyPeer.map((peer) => peer.close()));
        world.control.reset();
      }
      expect(world.clock.timers).toBe(0);
    }),
    { numRuns: 300 },
  );
}, 60_000);
