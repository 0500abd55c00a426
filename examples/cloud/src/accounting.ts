import { createHash } from "node:crypto";
import type { Ending } from "./api.js";
import { type Account, type MessageKind, perKind } from "./ledger.js";
import { BACKENDS, hostNames, POOLS } from "./settings.js";
import { type CloudRequest, KINDS, type RequestKind } from "./trace.js";

/** How often each message was sent, and how often it should have arrived and did, at each place. */
export interface MessageRow {
  readonly key: string;
  readonly sent: number;
  /** One for a call or cast; one at each server of a fanout; one in each pool for an event. */
  readonly arrivals: Readonly<Record<string, number>>;
}

export interface KindSum {
  readonly sent: number;
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  /** Arrived more than once, or without having been sent. */
  readonly excess: number;
}

/** What must be the same on every backend, message by message. */
export interface Accounting {
  readonly requests: Readonly<Record<string, Ending>>;
  readonly messages: Readonly<Record<MessageKind, readonly MessageRow[]>>;
}

export interface Summary {
  readonly requests: Readonly<
    Record<RequestKind, { readonly done: number; readonly failed: number; readonly wrong: number }>
  >;
  readonly messages: Readonly<Record<MessageKind, KindSum>>;
  readonly pools: Readonly<
    Record<string, { readonly expected: number; readonly seen: number; readonly lost: number; readonly twice: number }>
  >;
}

/** Puts the books of all roles together. */
export function buildAccounting(
  requests: Readonly<Record<string, Ending>>,
  accounts: readonly Account[],
  hosts: number,
): Accounting {
  return {
    requests: Object.fromEntries(Object.entries(requests).toSorted(([one], [other]) => (one < other ? -1 : 1))),
    messages: perKind((kind) => rowsOf(kind, accounts, hosts)),
  };
}

/** The same for two runs of which each message went the same way. */
export function digestOf(accounting: Accounting): string {
  return createHash("sha256").update(JSON.stringify(accounting)).digest("hex").slice(0, 16);
}

export function summarise(accounting: Accounting, trace: readonly CloudRequest[]): Summary {
  const requests = KINDS.map((kind) => {
    const of = trace.filter((request) => request.kind === kind);
    const right = of.filter(({ id, expect }) => accounting.requests[id] === expect);
    const done = right.filter(({ expect }) => expect === "done").length;
    return [kind, { done, failed: right.length - done, wrong: of.length - right.length }] as const;
  });
  const pools = POOLS.map((pool) => {
    const { expected, received, lost, excess } = sumOf(accounting.messages.event, pool);
    return [pool, { expected, seen: received, lost, twice: excess }] as const;
  });
  return {
    // One for each kind: the list was made from all of them.
    requests: Object.fromEntries(requests) as Summary["requests"],
    messages: perKind((kind) => sumOf(accounting.messages[kind])),
    pools: Object.fromEntries(pools),
  };
}

function rowsOf(kind: MessageKind, accounts: readonly Account[], hosts: number): MessageRow[] {
  const sent = countAll(accounts.flatMap((account) => account.sent[kind]));
  const received = countAll(accounts.flatMap((account) => account.received[kind]));
  const rows: MessageRow[] = [];
  for (const [key, times] of [...sent].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const arrivals: Record<string, number> = {};
    for (const place of placesOf(kind, key, hosts)) {
      const arrival = place === "" ? key : `${key} ${place}`;
      arrivals[place] = received.get(arrival) ?? 0;
      received.delete(arrival);
    }
    rows.push({ key, sent: times, arrivals });
  }
  // What is left came from nowhere.
  for (const [key, times] of [...received].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    rows.push({ key, sent: 0, arrivals: { "": times } });
  }
  return rows;
}

/** Where a message must arrive. */
function placesOf(kind: MessageKind, key: string, hosts: number): readonly string[] {
  if (kind === "event") return POOLS.map((pool) => `in ${pool}`);
  if (kind !== "fanout") return [""];
  const servers = key.startsWith("api>scheduler ")
    ? ["scheduler1", "scheduler2"]
    : hostNames(hosts).flatMap((host) => BACKENDS.map((backend) => `${host}@${backend}`));
  return servers.map((server) => `at ${server}`);
}

/** Over all places, or of one pool alone. */
function sumOf(rows: readonly MessageRow[], pool?: string): KindSum {
  const sum = { sent: 0, expected: 0, received: 0, lost: 0, excess: 0 };
  for (const { sent, arrivals } of rows) {
    sum.sent += sent;
    for (const [place, times] of Object.entries(arrivals)) {
      if (pool !== undefined && place !== `in ${pool}`) continue;
      sum.expected += sent;
      sum.received += times;
      sum.lost += Math.max(0, sent - times);
      sum.excess += Math.max(0, times - sent);
    }
  }
  return sum;
}

function countAll(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
