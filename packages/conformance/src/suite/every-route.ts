import type { Transport } from "@trunkline/core";
import type { CaseContext } from "../context.js";
import type { History } from "../history.js";
import { eventProbe, rpcProbe } from "../probes.js";

/** One of the ways to send something to a topic. */
export interface SendRoute {
  readonly kind: "call" | "cast" | "fanout" | "event";
  send(id: string): Promise<unknown>;
}

/** Every route that the manifest has to a topic, for a server and listeners of the probes. Nothing is sent before one is taken. */
export function routesTo(
  t: CaseContext,
  transport: Transport,
  { topic, exchange }: { readonly topic: string; readonly exchange?: string },
): SendRoute[] {
  const place = exchange === undefined ? {} : { exchange };
  const client = transport.client({ topic, ...place });
  return [
    { kind: "call", send: (id) => client.call("echo", { id }) },
    { kind: "cast", send: (id) => client.cast("note", { id }) },
    ...(t.claims.fanout ? [{ kind: "fanout" as const, send: (id: string) => client.fanout("note", { id }) }] : []),
    ...(t.claims.events
      ? [
          {
            kind: "event" as const,
            send: (id: string) =>
              transport.notifier({ publisherId: "kit", topics: [topic], ...place }).info("kit.event", { id }),
          },
        ]
      : []),
  ];
}

/** Serves `topic` under `consumer`, on RPC and, where claimed, on events. */
export async function serveAll(
  t: CaseContext,
  transport: Transport,
  topic: string,
  consumer: string,
  history: History,
): Promise<void> {
  await t.serve(transport, { topic, server: "s1" }, rpcProbe(history, consumer));
  if (t.claims.events) await t.listen(transport, topic, eventProbe(history, `${consumer}/events`));
}

/** Sends one message by every route that the manifest has to `topic`, for `consumer` alone. */
export async function sendAll(
  t: CaseContext,
  transport: Transport,
  topic: string,
  consumer: string,
  history: History,
  tag = "",
): Promise<void> {
  for (const { kind, send } of routesTo(t, transport, { topic })) {
    const id = `${kind}${tag} to ${consumer.length > 40 ? `${consumer.slice(0, 8)}…` : consumer}`;
    await history.record(id, [[kind === "event" ? `${consumer}/events` : consumer]], () => send(id));
  }
}
