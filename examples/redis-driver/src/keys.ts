import { type Address, escapeName, type Priority, type Subscription } from "@trunkline/core/driver";

/** A list of messages, and who reads it: a sorted set of listeners by when they count as gone. */
export interface Line {
  readonly list: string;
  readonly members: string;
  /** Of events: the set in which the pools of a topic and priority are found. */
  readonly pools?: string;
  /** What the pool is called in that set. */
  readonly pool?: string;
}

/** Names are compared whole (A5): each part is escaped, and what joins them is in no escaped name. */
function keyOf(...parts: readonly string[]): string {
  return ["trunkline", ...parts.map(escapeName)].join(":");
}

const place = ({ realm, exchange, topic }: Address): readonly string[] => [realm, exchange, topic];

function line(...parts: readonly string[]): Line {
  return { list: keyOf("list", ...parts), members: keyOf("members", ...parts) };
}

/** The servers of a topic compete for one line (A2), and so do those of one name on it (A3, A6). */
export function lineOf(address: Address): Line {
  return address.server === undefined
    ? line("rpc", ...place(address))
    : line("server", ...place(address), address.server);
}

/** What a listener gets alone: fanouts (A4). */
export function ownListOf(listenerId: string): string {
  return `${OWN_LISTS}${listenerId}`;
}

/** What the list of each listener begins with. */
export const OWN_LISTS: string = keyOf("own", "");

/** Where the replies to one driver's calls go. */
export function repliesOf(driverId: string): string {
  return keyOf("replies", driverId);
}

/** The pools of one topic and priority. RPC and events never meet (A8): their keys differ in the second part. */
export function poolsOf(address: Address, priority: Priority): string {
  return keyOf("pools", ...place(address), priority);
}

/** What the line of each pool begins with, for the script that finds the pools by themselves. */
export function poolLines(address: Address, priority: Priority): Line {
  return line("events", ...place(address), priority, "");
}

function poolLine(address: Address, priority: Priority, pool: string | undefined): Line {
  // The pool without a name is one, too (C3); no other is escaped to the empty word.
  const name = pool === undefined ? "" : escapeName(pool);
  const { list, members } = poolLines(address, priority);
  return { list: list + name, members: members + name, pools: poolsOf(address, priority), pool: name };
}

/** Every line that a subscription reads, beside the listener's own. */
export function linesOf(what: Subscription): readonly Line[] {
  if (what.kind === "events") {
    return what.priorities.map((priority) => poolLine(what.address, priority, what.pool));
  }
  const { server: _, ...topic } = what.address;
  return [lineOf(what.address), lineOf(topic)];
}
