import type { Address, Delivery, JsonObject, Receipt } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { AcceptedLink } from "../../src/link/accepted-link.js";
import { DialedLink } from "../../src/link/dialed-link.js";
import { Sender } from "../../src/routing/sender.js";
import { LocalListener } from "../../src/serving/local-listener.js";
import { SESSION_BYTES } from "../../src/wire/greeting.js";
import { EnginePair } from "../support/engine-pair.js";
import { FakeTopicHost } from "../support/fake-topic-host.js";
import { request } from "../support/lines.js";
import { contentOf, ProcessLog } from "../support/session.js";

/** A whole sending half, in session with one process over an engine in memory. */
class World extends FakeTopicHost {
  readonly pair: EnginePair = new EnginePair();
  readonly process: ProcessLog = new ProcessLog(this.tick, "", 1e6, "run-1");
  readonly accepted: AcceptedLink = new AcceptedLink(this.process, this.pair.listener);
  readonly sender: Sender = new Sender({
    ...this.host,
    realm: "",
    name: "dialer",
    maxMessageBytes: 1e6,
    newSession: () => new Uint8Array(SESSION_BYTES),
  });
  readonly #to: Address = { realm: "", exchange: "default", topic: "t" };

  async open(): Promise<void> {
    const keeper = { ready: () => {}, ended: () => {} };
    const dialed = new DialedLink(this.sender, keeper, "tcp://server:1", "");
    const engine = {
      name: "pair",
      dial: () => this.pair.dialer,
      listen: () => Promise.reject(),
      close: () => Promise.resolve(),
    };
    dialed.dial(engine, dialed.address);
    this.pair.open(dialed, this.accepted);
    await this.pair.settle();
  }

  listen(id: number, server: string): { readonly local: LocalListener; readonly deliveries: Delivery[] } {
    const deliveries: Delivery[] = [];
    const what = { kind: "rpc", address: { ...this.#to, server } } as const;
    const local = new LocalListener(id, what, (delivery) => deliveries.push(delivery), 16);
    this.process.byId.set(id, local);
    local.open();
    if (this.accepted.isReady) this.accepted.advertise(local);
    return { local, deliveries };
  }

  cast(params: JsonObject): Promise<Receipt> {
    return this.sender.send(this.#to, request(params), { until: 60_000, onCancel: () => {} });
  }
}

test("casts that crossed with the goodbye of a server come to another in the order sent (B11)", async () => {
  const world = new World();
  const stopping = world.listen(1, "a");
  await world.open();
  const first = world.cast({ n: 1 });
  await world.pair.settle();
  await first;
  expect(stopping.deliveries.map(contentOf)).toEqual([{ n: 1 }]);
  world.pair.dialer.isHeld = true;
  const casts = [world.cast({ n: 2 }), world.cast({ n: 3 })];
  await world.pair.settle();
  const other = world.listen(2, "b");
  stopping.local.stop();
  world.accepted.goaway(stopping.local);
  await world.pair.settle();
  casts.push(world.cast({ n: 4 }));
  await world.pair.settle();
  world.pair.dialer.isHeld = false;
  await world.pair.settle();
  expect(other.deliveries.map(contentOf)).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
  await Promise.all(casts);
  expect(world.clock.timers).toBe(0);
});

test("a server that says goodbye and is not heard of any more holds up others for a moment only", async () => {
  const world = new World();
  const stopping = world.listen(1, "a");
  await world.open();
  const first = world.cast({ n: 1 });
  await world.pair.settle();
  await first;
  world.pair.dialer.isHeld = true;
  void world.cast({ n: 2 });
  await world.pair.settle();
  const other = world.listen(2, "b");
  stopping.local.stop();
  world.accepted.goaway(stopping.local);
  await world.pair.settle();
  void world.cast({ n: 3 });
  await world.pair.settle();
  expect(world.pair.dialer.bytesWaiting).toBeGreaterThan(0);
  const before = world.pair.dialer.underWay;
  world.clock.advance(200);
  await world.pair.settle();
  expect(world.pair.dialer.underWay).toBe(before + 1);
  expect(other.deliveries).toEqual([]);
});
