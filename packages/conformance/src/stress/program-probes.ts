import type { JsonObject, NotificationEndpoint, Transport } from "@trunkline/core";
import { fail } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import { eventId } from "../probes.js";

const BETWEEN_MS = 20;

/** A consumer that is to be reached: `key` tells it from others; that of a listener is its pool's. */
export interface Reachable {
  readonly kind: "server" | "listener";
  readonly topic: string;
  readonly key: string;
  readonly server: string;
}

/** Messages that are no part of a program: sent until one has come through, to know that links are whole again (E5). */
export class Probes {
  readonly #t: CaseContext;
  readonly #arrived = new Set<string>();
  #number = 0;

  constructor(t: CaseContext) {
    this.#t = t;
  }

  /** What a server needs beside its own methods. */
  server(key: string): object {
    return {
      ping: () => null,
      pingAll: ({ probe }: JsonObject) => void this.#arrived.add(`${String(probe)} ${key}`),
    };
  }

  /** What a listener needs beside its own: a priority that programs do not use. */
  listener(key: string): NotificationEndpoint {
    return { debug: (event) => void this.#arrived.add(`${eventId(event)} ${key}`) };
  }

  /** Resolves when each transport has reached each consumer. @throws ConformanceFailure after recoveryMs. */
  async reach(
    transports: readonly Transport[],
    topics: ReadonlyMap<string, string>,
    consumers: readonly Reachable[],
  ): Promise<void> {
    const t = this.#t;
    const deadline = performance.now() + t.ms(t.claims.recoveryMs + t.timing.waitMs);
    let wanted = transports.flatMap((transport, slot) =>
      consumers.flatMap((consumer) => {
        const topic = topics.get(consumer.topic) ?? "";
        const told = `transport ${slot} to ${consumer.key}`;
        return this.#ways(transport, topic, consumer).map((send) => ({ told, send }));
      }),
    );
    while (wanted.length > 0) {
      const left = await Promise.all(wanted.map(async (one) => ((await one.send()) ? undefined : one)));
      wanted = left.filter((one) => one !== undefined);
      if (wanted.length === 0) return;
      if (performance.now() > deadline) {
        fail(
          `within ${t.claims.recoveryMs} ms of a cut no way leads again from ${wanted.map(({ told }) => told).join(", ")} (E5)`,
        );
      }
      await pause(BETWEEN_MS);
    }
  }

  #ways(transport: Transport, topic: string, { kind, key, server }: Reachable): (() => Promise<boolean>)[] {
    if (kind === "listener") {
      const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
      return [() => this.#comes(key, (id) => notifier.debug("kit.probe", { id }))];
    }
    const { serverDirected, fanout } = this.#t.claims;
    const client = transport.client({ topic }, { timeoutMs: this.#t.ms(500), sendTimeoutMs: this.#t.ms(500) });
    const calls = serverDirected ? client.to({ server }) : client;
    const ways = [() => succeeds(calls.call("ping"))];
    if (fanout) ways.push(() => this.#comes(key, (probe) => client.fanout("pingAll", { probe })));
    return ways;
  }

  async #comes(key: string, send: (id: string) => Promise<unknown>): Promise<boolean> {
    const id = `probe${++this.#number}`;
    if (!(await succeeds(send(id)))) return false;
    const until = performance.now() + this.#t.ms(500);
    while (!this.#arrived.has(`${id} ${key}`) && performance.now() < until) await pause(2);
    return this.#arrived.has(`${id} ${key}`);
  }
}

function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
