import { EventEmitter } from "node:events";
import { AuthError, ConnectionLostError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import type { Link, LinkUser } from "../../src/connection/link.js";
import type { Session } from "../../src/connection/session.js";
import type { Publication } from "../../src/sending/publication.js";
import { SendChannel } from "../../src/sending/send-channel.js";
import type { Route } from "../../src/topology/declarations.js";
import { Declarer } from "../../src/topology/declare.js";

/** A channel of the library: it counts declarations, and confirms at once unless told otherwise. */
class FakeConfirmChannel extends EventEmitter {
  readonly declared: string[] = [];
  confirms = true;

  async assertQueue(name: string): Promise<object> {
    this.declared.push(name);
    return { queue: name, messageCount: 0, consumerCount: 0 };
  }

  publish(_exchange: string, _key: string, _body: Buffer, _options: object, done: (error: unknown) => void): boolean {
    if (this.confirms) queueMicrotask(() => done(null));
    return true;
  }
}

async function world(): Promise<{ clock: ManualClock; wire: FakeConfirmChannel; channel: SendChannel }> {
  const clock = new ManualClock();
  const wire = new FakeConfirmChannel();
  const session = { place: "here", gather: () => {}, confirmChannel: async () => wire };
  // Of a link and a session this is all that a channel uses.
  const link = {
    refusal: undefined,
    use: (user: LinkUser) => user.opened(session as unknown as Session),
    leave: () => {},
  } as unknown as Link;
  const pace = { delayMs: () => 10 };
  const declarer = new Declarer(() => undefined);
  const channel = new SendChannel(link, { name: "the exchange", declarer, clock, pace, warn: () => {} });
  return { clock, wire, channel };
}

/** Sends one message, and resolves with what became of it. */
function send(channel: SendChannel, route: Route, id: string): Promise<unknown> {
  return new Promise((resolve) => {
    const publication: Publication = {
      route,
      id,
      body: Buffer.from("x"),
      properties: () => ({}),
      confirmed: () => resolve("confirmed"),
      returned: () => resolve("returned"),
      refused: () => resolve("refused"),
      failed: resolve,
      doubtful: (error) => resolve(["in doubt", error]),
    };
    channel.push(publication);
  });
}

const queue = { name: "trunkline.delay-20000.q", durable: true, autoDelete: false, arguments: {} };
const DELAYED: Route = {
  exchange: undefined,
  key: queue.name,
  queues: [{ queue, bindings: [] }],
  declaredForMs: 30_000,
  isMandatory: true,
  isPersistent: true,
  name: "a delay",
};

test("a queue that goes when it is idle is declared again in time, however much is sent to it", async () => {
  const { clock, wire, channel } = await world();
  expect(await send(channel, DELAYED, "a")).toBe("confirmed");
  await clock.tick(29_000);
  expect(await send(channel, DELAYED, "b")).toBe("confirmed");
  expect(wire.declared).toHaveLength(1);
  await clock.tick(1_000);
  expect(await send(channel, DELAYED, "c")).toBe("confirmed");
  expect(wire.declared).toHaveLength(2);
});

test("a right that is missing fails what was written: none of it was taken", async () => {
  const { wire, channel } = await world();
  wire.confirms = false;
  const sent = send(channel, { ...DELAYED, queues: [] }, "a");
  await new Promise((resolve) => setImmediate(resolve));
  wire.emit("error", Object.assign(new Error("ACCESS_REFUSED - write access refused"), { code: 403 }));
  wire.emit("close");
  expect(await sent).toBeInstanceOf(AuthError);
});

test("a channel that ends for another reason leaves what was written in doubt", async () => {
  const { wire, channel } = await world();
  wire.confirms = false;
  const sent = send(channel, { ...DELAYED, queues: [] }, "a");
  await new Promise((resolve) => setImmediate(resolve));
  wire.emit("error", Object.assign(new Error("NOT_FOUND - no exchange"), { code: 404 }));
  wire.emit("close");
  expect(await sent).toEqual(["in doubt", expect.any(ConnectionLostError)]);
});
