import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import type { Link, LinkUser } from "../../src/connection/link.js";
import type { Session } from "../../src/connection/session.js";
import type { ClaimDesk } from "../../src/control/claim-desk.js";
import { DurableServer } from "../../src/receiving/durable-server.js";
import { Ledger } from "../../src/receiving/ledger.js";
import type { ListenerHost } from "../../src/receiving/listener-host.js";
import type { RpcDelivery } from "../../src/receiving/rpc-delivery.js";
import { Declarer } from "../../src/topology/declare.js";
import { RABBIT_TOPOLOGY, RabbitNaming } from "../../src/topology/rabbit-naming.js";
import { PackedWire } from "../../src/wire/packed/packed-wire.js";
import { consumed, requestOf } from "../support/messages.js";
import { ScriptedChannel } from "../support/scripted-channel.js";
import { FakeSendChannel } from "../support/send-channel.js";

const ADDRESS = { realm: "", exchange: "E", topic: "T" };

/** Servers of one transport, each on a channel of its own, and what they publish. */
class Host {
  readonly clock = new ManualClock();
  readonly published = new FakeSendChannel();
  readonly lost: number[] = [];
  /** Of which messages others were asked. */
  readonly asked: string[] = [];
  readonly #naming = new RabbitNaming(RABBIT_TOPOLOGY);
  readonly #limits = { maxMessageBytes: 100_000, driver: "rabbit" };
  readonly #wire = new PackedWire({
    ...{ clock: this.clock, compresses: false, limits: this.#limits, clockToleranceMs: 1_000, newId: () => "n" },
  });
  readonly #ledger = new Ledger<RpcDelivery>(this.clock);

  async server(name: string) {
    const channel = new ScriptedChannel();
    const deliveries: RpcDelivery[] = [];
    const session = { place: "mq:5672", channel: async () => channel.channel, gather: () => {} };
    const link = {
      ...{ state: "open", refusal: undefined, leave: () => {} },
      use: (user: LinkUser) => user.opened(session as unknown as Session),
    };
    const host = {
      ...{ clock: this.clock, wire: this.#wire, naming: this.#naming, clockToleranceMs: 1_000, startWithinMs: 1_000 },
      ...{ consumerTimeoutMs: 1_800_000, pace: { delayMs: () => 100 }, random: () => 0.5, newId: () => "n" },
      ...{ link: link as unknown as Link, declarer: new Declarer(() => undefined) },
      channels: { of: () => this.published.channel },
      dropped: () => {},
      castsLost: (count: number) => this.lost.push(count),
      warn: () => {},
    };
    const ask = (_asker: object, _address: object, id: string): void => void this.asked.push(id);
    const claims = { isCancelled: () => false, forget: () => {}, broke: () => {}, ask };
    const address = { ...ADDRESS, server: name };
    const server = new DurableServer({
      // Of the host and the desk this is all that a server uses here.
      ...{ host: host as unknown as ListenerHost, claims: claims as unknown as ClaimDesk },
      ...{ driverName: "rabbit", address, instance: name, sources: this.#naming.rpcSources(address, name) },
      ...{ ledger: this.#ledger, options: { credit: 10, acknowledge: "on-take" as const } },
      deliver: (delivery) => void deliveries.push(delivery as RpcDelivery),
      onEnd: () => {},
    });
    const starting = server.start();
    await this.clock.tick();
    await starting;
    await new Promise((resolve) => setImmediate(resolve));
    const queue = this.#naming.rpcSources(address, name)[1]?.queue.name ?? "";
    return { server, channel, deliveries, queue };
  }

  /** A cast to the topic, as it comes. */
  cast(id: string, queue: string) {
    const message = this.#wire.cast(this.#naming.queueRoute(queue, true), requestOf({ id }));
    return consumed(message.body, message.properties());
  }
}

/** Lets acknowledgements be told. */
async function told(host: Host): Promise<void> {
  await host.clock.tick(10);
  await new Promise((resolve) => setImmediate(resolve));
}

describe("what a server gives back as it stops (E3)", () => {
  async function givenBack() {
    const host = new Host();
    const [leaving, staying] = [await host.server("s1"), await host.server("s2")];
    const message = host.cast("m", leaving.queue);
    await host.clock.tick(5);
    const stopping = leaving.server.stop();
    const original = leaving.channel.deliver(leaving.queue, message);
    await stopping;
    const [copy] = host.published.pushed;
    if (copy === undefined) throw new Error("nothing was given back");
    return { host, leaving, staying, message, original, copy };
  }

  test("may come to another server of its transport before the broker has confirmed it: it runs there, and is acknowledged then", async () => {
    const { host, leaving, staying, original, copy } = await givenBack();
    const tag = staying.channel.deliver(staying.queue, consumed(copy.body, copy.properties()));
    copy.confirmed();
    await told(host);
    expect(leaving.channel.acked).toEqual([original]);
    expect(staying.channel.acked).toEqual([]);
    expect(staying.deliveries.map(({ message: { id } }) => id)).toEqual(["m"]);
    const [delivery] = staying.deliveries;
    expect(delivery?.take()).toBe(true);
    delivery?.settle("done");
    await told(host);
    expect(staying.channel.acked).toEqual([tag]);
    expect(host.lost).toEqual([]);
  });

  test("which came so is not told as lost where the confirmation is lost", async () => {
    const { host, leaving, staying, original, copy } = await givenBack();
    staying.channel.deliver(staying.queue, consumed(copy.body, copy.properties()));
    copy.doubtful(new Error("the connection was lost") as never);
    await told(host);
    expect([staying.deliveries.length, leaving.channel.acked, host.lost]).toEqual([1, [original], []]);
  });

  test("is told as lost where it is in doubt and did not come", async () => {
    const { host, copy } = await givenBack();
    copy.doubtful(new Error("the connection was lost") as never);
    await told(host);
    expect(host.lost).toEqual([1]);
  });

  test("is not what the broker gives again because the connection was lost: that does not run beside it", async () => {
    const { host, leaving, staying, message, copy } = await givenBack();
    leaving.channel.end();
    const again = { ...message, fields: { ...message.fields, redelivered: true } };
    const tag = staying.channel.deliver(staying.queue, again);
    copy.confirmed();
    await told(host);
    expect([staying.deliveries, staying.channel.acked]).toEqual([[], [tag]]);
  });

  test("and was given back once more by another process, before the broker has confirmed the first time, runs too", async () => {
    const { host, staying, message, copy } = await givenBack();
    await host.clock.tick(7);
    const another = host.cast("m", staying.queue);
    staying.channel.deliver(staying.queue, another);
    copy.confirmed();
    await told(host);
    expect(another.content.equals(message.content)).toBe(false);
    expect([staying.deliveries.length, staying.channel.acked]).toEqual([1, []]);
  });

  test("and comes flagged, is asked about: whoever had it since may have begun it", async () => {
    const { host, staying, copy } = await givenBack();
    await host.clock.tick(7);
    const flagged = consumed(copy.body, copy.properties(), { redelivered: true });
    staying.channel.deliver(staying.queue, flagged);
    copy.confirmed();
    await told(host);
    expect([staying.deliveries, staying.channel.acked, host.asked]).toEqual([[], [], ["m"]]);
  });
});
