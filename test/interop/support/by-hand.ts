import { until } from "@trunkline/core/testing";
import { fresh, WITHIN } from "./python-side.js";
import type { Sides } from "./sides.js";

/** A message as it is on the wire. */
export interface TappedMessage {
  /** Bytes, one for each character. */
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly contentType: string;
  readonly contentEncoding: string;
}

/** Where a tap takes its copies from; without an exchange from nowhere: it is then a queue like any reply queue. */
export interface TapSource {
  readonly exchange?: string;
  readonly key?: string;
  readonly kind?: "topic" | "fanout";
  readonly auto_delete?: boolean;
}

/** A queue of a test's own. */
export interface Tap {
  /** Its name at the broker. */
  readonly queue: string;
  /** The next message, or null where there is none. */
  take(): Promise<TappedMessage | null>;
  /** Resolves with the next message. */
  next(): Promise<TappedMessage>;
}

/** Opens a tap at the file's broker. It goes with the file's peer. */
export async function tap({ peer, rabbit }: Sides, source: TapSource = {}): Promise<Tap> {
  const name = fresh("tap");
  await peer.ask("tap", { name, url: rabbit.url({ scheme: "amqp" }), exchange: name, key: name, ...source });
  const take = (): Promise<TappedMessage | null> => peer.ask("tapped", { name });
  return {
    queue: await peer.ask<string>("tap_queue", { name }),
    take,
    next: () => until(take, WITHIN),
  };
}

/** Publishes to a key of the default exchange what no driver would; whoever listens there has declared it. */
export async function publish(
  { peer, rabbit }: Sides,
  key: string,
  body: string,
  { times = 1, ...properties }: { readonly times?: number; readonly [property: string]: unknown } = {},
): Promise<void> {
  const url = rabbit.url({ scheme: "amqp" });
  await peer.ask("publish", { url, exchange: "openstack", key, body, times, ...properties });
}

/** The body of an inner message in its envelope. */
export function enveloped(inner: object): string {
  return JSON.stringify({ "oslo.version": "2.0", "oslo.message": JSON.stringify(inner) });
}

/** Resolves when nothing is in the queue, acknowledged or not, and all that the peer told before has been heard. */
export async function isEmpty({ peer, rabbit }: Sides, name: string): Promise<void> {
  const { control, vhost } = rabbit;
  await until(async () => (await control.queues(vhost)).find((queue) => queue.name === name)?.messages === 0, {
    ...WITHIN,
    what: `the queue ${name} to be empty`,
  });
  // An answer comes behind all that was told before.
  await peer.ask("about");
}
