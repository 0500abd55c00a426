import type { Address } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/control/claim-desk.js";
import { ControlBus, type ControlBusParts } from "../../src/control/control-bus.js";
import { isNotice } from "../../src/control/notices.js";
import { Ledger } from "../../src/receiving/ledger.js";
import type { RpcDelivery } from "../../src/receiving/rpc-delivery.js";
import type { Publication } from "../../src/sending/publication.js";
import type { Binding } from "../../src/topology/declarations.js";
import { RABBIT_TOPOLOGY, RabbitNaming } from "../../src/topology/rabbit-naming.js";
import { consumed } from "../support/messages.js";

const ADDRESS: Address = { realm: "", exchange: "E", topic: "T" };
const OTHER: Address = { ...ADDRESS, topic: "U" };

interface Transport {
  readonly bus: ControlBus;
  readonly ledger: Ledger<RpcDelivery>;
  readonly dropped: string[];
  /** Hangs: what comes to it waits, and is neither read nor answered. */
  isHung: boolean;
}

/** A broker with the inboxes of some transports, and as many consumers of each topic's queue as the test says. */
class World {
  readonly clock = new ManualClock();
  readonly published: string[] = [];
  consumers = 0;
  readonly #inboxes: Map<string, { readonly bindings: Set<string>; readonly transport: Transport }> = new Map();

  transport(): Transport {
    const { clock } = this;
    const name = `trunkline.inbox.${this.#inboxes.size + 1}`;
    const bindings = new Set<string>();
    const dropped: string[] = [];
    const ledger = new Ledger<RpcDelivery>(clock);
    const inbox = {
      name,
      bind: ({ key }: Binding) => Promise.resolve(void bindings.add(key)),
      unbind: ({ key }: Binding) => void bindings.delete(key),
      consumersOf: () => Promise.resolve(this.consumers),
    };
    const host = {
      clock,
      newId: () => "n",
      dropped: (counter: string, reason: string) => dropped.push(`${counter}: ${reason}`),
      channels: { of: () => ({ push: (notice: Publication) => this.#publish(notice) }) },
    };
    // Of the inbox and the host these are all that is used.
    const parts = { naming: new RabbitNaming(RABBIT_TOPOLOGY), inbox, ledger, host } as unknown as ControlBusParts;
    const transport: Transport = { bus: new ControlBus(parts), ledger, dropped, isHung: false };
    this.#inboxes.set(name, { bindings, transport });
    return transport;
  }

  /** One that serves the topic, and is counted. */
  async server(address = ADDRESS): Promise<Transport> {
    const made = this.transport();
    await made.bus.serve(address);
    this.consumers += 1;
    made.bus.consumes(address);
    return made;
  }

  #publish(notice: Publication): void {
    const { exchange, key } = notice.route;
    const { type } = notice.properties();
    expect(isNotice(type)).toBe(true);
    this.published.push(`${type} to ${exchange === undefined ? "one" : key}`);
    for (const [name, { bindings, transport }] of this.#inboxes) {
      if (exchange === undefined ? name !== key : !bindings.has(key)) continue;
      queueMicrotask(() => {
        if (!transport.isHung) transport.bus.received(consumed(notice.body, notice.properties()));
      });
    }
  }
}

async function found(
  world: World,
  { bus }: Transport,
  id: string,
  forMs = 0,
  address = ADDRESS,
): Promise<Finding | undefined> {
  let finding: Finding | undefined;
  bus.ask(bus, address, id, 60_000, (said) => {
    finding = said;
  });
  await world.clock.tick(forMs);
  await world.clock.tick();
  return finding;
}

describe("whom a transport knows", () => {
  test("nobody, where it does not serve the topic", () => {
    const { bus } = new World().transport();
    expect(bus.knowledgeOf(ADDRESS)).toEqual({
      since: Number.POSITIVE_INFINITY,
      lostUntil: Number.POSITIVE_INFINITY,
    });
  });

  test("all, once the broker counts as many as have said that they are there", async () => {
    const world = new World();
    const first = await world.server();
    expect(first.bus.knowledgeOf(ADDRESS).since).toBe(Number.POSITIVE_INFINITY);
    await world.clock.tick(1_000);
    const second = await world.server();
    await world.clock.tick(1_000);
    const since = [first, second].map(({ bus }) => bus.knowledgeOf(ADDRESS).since);
    expect(since.every((at) => at <= world.clock.wallNow())).toBe(true);
    expect(since[0]).toBeLessThan(since[1] ?? 0);
    expect(second.bus.knowledgeOf(OTHER).since).toBe(Number.POSITIVE_INFINITY);
  });

  test("not all, while one is counted and has not said a word; and after a minute at the latest", async () => {
    const world = new World();
    world.consumers = 1;
    const { bus } = await world.server();
    await world.clock.tick(59_000);
    expect(bus.knowledgeOf(ADDRESS).since).toBe(Number.POSITIVE_INFINITY);
    await world.clock.tick(3_000);
    expect(bus.knowledgeOf(ADDRESS).since).toBeLessThanOrEqual(world.clock.wallNow());
  });

  test("where its inbox was away for long or is elsewhere, not all until it has asked again", async () => {
    const world = new World();
    const { bus } = await world.server();
    await world.clock.tick(2_000);
    const { since } = bus.knowledgeOf(ADDRESS);
    bus.resumed("a:1", 0);
    bus.resumed("a:1", 60_000);
    expect(bus.knowledgeOf(ADDRESS).since).toBe(since);
    bus.resumed("a:1", 60_001);
    expect(bus.knowledgeOf(ADDRESS).since).toBe(Number.POSITIVE_INFINITY);
    await world.clock.tick(2_000);
    expect(bus.knowledgeOf(ADDRESS).since).toBeLessThan(Number.POSITIVE_INFINITY);
    bus.resumed("b:1", 0);
    expect(bus.knowledgeOf(ADDRESS).since).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("who has a message", () => {
  test("one that holds it, has begun it, or gave it back", async () => {
    const world = new World();
    const asker = await world.server();
    const other = await world.server();
    await world.clock.tick(2_000);
    other.ledger.hold("held", {} as RpcDelivery);
    other.ledger.take("taken");
    other.ledger.gaveCopy("given");
    expect(await found(world, asker, "held")).toBe("claimed");
    expect(await found(world, asker, "taken")).toBe("claimed");
    expect(await found(world, asker, "given")).toBe("claimed");
    expect(await found(world, asker, "unseen")).toBe("nobody");
  });

  test("is asked of those of its topic only", async () => {
    const world = new World();
    const asker = await world.server();
    const stranger = await world.server(OTHER);
    await world.clock.tick(2_000);
    stranger.ledger.take("m");
    expect(await found(world, asker, "m", 2_000)).toBe("nobody");
  });

  test("is unknown where one hangs, and that one may have had all that was sent until it is dead", async () => {
    const world = new World();
    const asker = await world.server();
    const hung = await world.server();
    await world.clock.tick(2_000);
    hung.isHung = true;
    expect(await found(world, asker, "m", 9_000)).toBeUndefined();
    expect(await found(world, asker, "n", 1_000)).toBeUndefined();
    await world.clock.tick(9_000);
    expect(asker.bus.questions).toBe(0);
    expect(asker.bus.knowledgeOf(ADDRESS).lostUntil).toBeGreaterThan(world.clock.wallNow());
  });

  test("is not waited for from one that leaves; with a broken connection it may have had some", async () => {
    for (const isBroken of [false, true]) {
      const world = new World();
      const asker = await world.server();
      const leaver = await world.server();
      await world.clock.tick(2_000);
      const finding = found(world, asker, "m", 5);
      leaver.isHung = true;
      if (isBroken) leaver.bus.broke(ADDRESS);
      leaver.bus.leave(ADDRESS);
      expect(await finding).toBe("nobody");
      expect(asker.bus.knowledgeOf(ADDRESS).lostUntil > 0).toBe(isBroken);
    }
  });

  test("is nobody's business once the asker is forgotten", async () => {
    const world = new World();
    const asker = await world.server();
    asker.bus.ask(asker, ADDRESS, "m", 60_000, () => expect.unreachable());
    asker.bus.forget(asker);
    await world.clock.tick(70_000);
    expect(asker.bus.questions).toBe(0);
  });
});

describe("a caller gives up (B7)", () => {
  test("whoever holds its request is told why, and who gets it later knows", async () => {
    const world = new World();
    const caller = world.transport();
    const holder = await world.server();
    const later = await world.server();
    const told: string[] = [];
    const delivery = { cancel: (reason: string) => told.push(reason) };
    holder.ledger.hold("m", delivery as unknown as RpcDelivery);
    caller.bus.cancel(ADDRESS, "m", "aborted");
    caller.bus.cancel(OTHER, "n", "closed");
    await world.clock.tick();
    expect(told).toEqual(["its caller's signal was aborted"]);
    expect([later.bus.isCancelled("m"), later.bus.isCancelled("n"), holder.bus.isCancelled("m")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("a server in the caller's own transport is told too", async () => {
    const world = new World();
    const both = await world.server();
    both.bus.cancel(ADDRESS, "m", "closed");
    await world.clock.tick();
    expect(both.bus.isCancelled("m")).toBe(true);
  });
});

test("of several servers of one transport the last that leaves says goodbye", async () => {
  const world = new World();
  const { bus } = await world.server();
  await bus.serve(ADDRESS);
  bus.leave(ADDRESS);
  expect(world.published.filter((notice) => notice.startsWith("trunkline.leave"))).toEqual([]);
  bus.leave(ADDRESS);
  bus.leave(ADDRESS);
  expect(world.published.filter((notice) => notice.startsWith("trunkline.leave"))).toEqual(["trunkline.leave to E.T"]);
});

test("a notice that cannot be read is dropped and counted (F1)", () => {
  const { bus, dropped } = new World().transport();
  bus.received(consumed(Buffer.from("{"), { type: "trunkline.who" }));
  bus.received(consumed(Buffer.from("{}"), { type: "trunkline.bogus" }));
  expect(dropped.map((text) => text.split(":")[0])).toEqual(["malformed", "malformed"]);
});

test("closed, no timer is left", async () => {
  const world = new World();
  const asker = await world.server();
  await world.server();
  asker.bus.ask(asker, ADDRESS, "m", 60_000, () => expect.unreachable());
  await world.clock.tick();
  const before = world.clock.timers;
  asker.bus.close();
  expect(world.clock.timers).toBeLessThan(before);
  await world.clock.tick(120_000);
  expect(world.clock.timers).toBe(0);
});
