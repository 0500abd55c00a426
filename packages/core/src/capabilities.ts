import { InvalidArgumentError } from "./errors.js";

/** When responsibility for a cast or an event is taken, and how far it then reaches (B2, C7). */
export type Acceptance = "transport" | "broker" | "durable";

/**
 * The manifest (H): what one open driver does, as data. Readonly, and the same for every connection of one URL.
 *
 * A claimed capability is proven by the conformance kit; what is not claimed is refused by core with `NotSupportedError`
 * before a byte is sent. `transport.require({...})` asks for any key at start-up.
 */
export interface Capabilities {
  readonly rpc: boolean;
  readonly events: boolean;
  readonly fanout: boolean;
  /** A message to `topic` + `server` reaches that server only (A3). */
  readonly serverDirected: boolean;
  /**
   * The same topic on two exchanges is two addresses (A1, A5). Where it is not, the driver refuses the second exchange on
   * which one transport uses a topic, before anything is sent.
   */
  readonly exchanges: boolean;
  /**
   * Any name of A5 is taken and stays apart from every other; so do RPC and events, whatever their topic is called (A8).
   * Where it is not, the driver refuses what its backend would read as a wildcard, or could mistake for another name.
   */
  readonly exactNames: boolean;
  /** Listeners in one pool share the events (C3). */
  readonly pools: boolean;
  readonly requeue: boolean;
  /** What a listener held when it died goes to another of its pool (C4). */
  readonly redelivery: boolean;
  readonly batches: boolean;
  readonly streaming: boolean;
  /** A caller's abort reaches the handler's signal (B7). */
  readonly cancel: boolean;
  readonly callMonitor: boolean;
  readonly binary: boolean;
  readonly bigint: boolean;
  readonly date: boolean;
  /** Restarting servers one after another under load fails no call (E3). */
  readonly gracefulDrain: boolean;
  /** Events wait for a pool whose listeners are all away (C8). */
  readonly storesOffline: boolean;
  readonly crossProcess: boolean;
  readonly realms: boolean;
  readonly failover: boolean;
  readonly tls: boolean;
  readonly auth: boolean;
  /** A delivery says whether, and how often, it came before. */
  readonly redeliveryInfo: boolean;
  readonly acceptance: { readonly casts: Acceptance; readonly events: Acceptance };
  /** How soon a message to nobody is known to be one (A7). */
  readonly undeliverable: "no-listener" | "no-queue" | "none";
  /** How a caller learns that the peer holding its call died (B12). */
  readonly peerDeath: "detected" | "monitored" | "none";
  readonly ordering: "none" | "per-target";
  /** What a sender meets past the bound of its queue (B13). */
  readonly backpressure: "block" | "reject";
  /**
   * What of the context goes along with an event where the application gives no filter (C1): all but what looks secret, or
   * only the members on the driver's list (`Driver.eventContextKeys`).
   */
  readonly eventContext: "listed" | "filtered";
  readonly maxMessageBytes: number;
  /** The longest time in which a dead peer is known. */
  readonly detectionMs: number;
  /** How long after `serve` or `listen` resolved a connected peer may still miss it (E2). */
  readonly joinLatencyMs: number;
  /** All works again within this time of the backend's return (E6). */
  readonly recoveryMs: number;
  readonly duplicateWindow: { readonly ids: number; readonly ms: number };
}

/** The keys of the manifest that are claimed or not: what `NotSupportedError.capability` mostly names. */
export type BooleanCapability = {
  [K in keyof Capabilities]: Capabilities[K] extends boolean ? K : never;
}[keyof Capabilities];

const BOOLEANS: readonly BooleanCapability[] = [
  "rpc",
  "events",
  "fanout",
  "serverDirected",
  "exchanges",
  "exactNames",
  "pools",
  "requeue",
  "redelivery",
  "batches",
  "streaming",
  "cancel",
  "callMonitor",
  "binary",
  "bigint",
  "date",
  "gracefulDrain",
  "storesOffline",
  "crossProcess",
  "realms",
  "failover",
  "tls",
  "auth",
  "redeliveryInfo",
];

/** Every key of the manifest, in the order of `docs/semantics.md` H. */
export const CAPABILITY_KEYS: readonly (keyof Capabilities)[] = [
  ...BOOLEANS,
  "acceptance",
  "undeliverable",
  "peerDeath",
  "ordering",
  "backpressure",
  "eventContext",
  "maxMessageBytes",
  "detectionMs",
  "joinLatencyMs",
  "recoveryMs",
  "duplicateWindow",
];

const ACCEPTANCES: readonly string[] = ["transport", "broker", "durable"];

/**
 * Returns the manifest deeply frozen, once its shape and its implications (H) hold.
 * @throws InvalidArgumentError naming every key that is missing, unknown, of the wrong kind, or contradicts another.
 */
export function defineCapabilities(manifest: Capabilities): Capabilities {
  const problems: string[] = [];
  for (const key of CAPABILITY_KEYS) if (!(key in manifest)) problems.push(`${key} is missing`);
  for (const key of Object.keys(manifest)) {
    // Widened, because the question is whether this string is one of them.
    if (!(CAPABILITY_KEYS as readonly string[]).includes(key)) problems.push(`${key} is no key of the manifest`);
  }
  for (const key of BOOLEANS) {
    if (key in manifest && typeof manifest[key] !== "boolean") problems.push(`${key} must be true or false`);
  }
  const oneOf = (key: keyof Capabilities, value: unknown, allowed: readonly string[]): void => {
    if (!allowed.includes(String(value))) problems.push(`${key} must be one of ${allowed.join(", ")}`);
  };
  oneOf("acceptance", manifest.acceptance?.casts, ACCEPTANCES);
  oneOf("acceptance", manifest.acceptance?.events, ACCEPTANCES);
  oneOf("undeliverable", manifest.undeliverable, ["no-listener", "no-queue", "none"]);
  oneOf("peerDeath", manifest.peerDeath, ["detected", "monitored", "none"]);
  oneOf("ordering", manifest.ordering, ["none", "per-target"]);
  oneOf("backpressure", manifest.backpressure, ["block", "reject"]);
  oneOf("eventContext", manifest.eventContext, ["listed", "filtered"]);
  const amount = (key: string, value: unknown): void => {
    if (!(typeof value === "number" && value >= 0)) problems.push(`${key} must be a number of 0 or more`);
  };
  for (const key of ["maxMessageBytes", "detectionMs", "joinLatencyMs", "recoveryMs"] as const)
    amount(key, manifest[key]);
  amount("duplicateWindow.ids", manifest.duplicateWindow?.ids);
  amount("duplicateWindow.ms", manifest.duplicateWindow?.ms);
  const implies = (claim: boolean, name: string, needed: boolean, needs: string): void => {
    if (claim && !needed) problems.push(`${name} implies ${needs}`);
  };
  implies(manifest.pools, "pools", manifest.events, "events");
  implies(manifest.redelivery, "redelivery", manifest.events, "events");
  implies(
    manifest.acceptance?.events === "durable",
    "acceptance.events durable",
    manifest.storesOffline,
    "storesOffline",
  );
  for (const key of ["callMonitor", "cancel", "streaming"] as const) implies(manifest[key], key, manifest.rpc, "rpc");
  if (problems.length > 0) throw new InvalidArgumentError(`manifest: ${problems.join("; ")}`);
  return Object.freeze({
    ...manifest,
    acceptance: Object.freeze({ ...manifest.acceptance }),
    duplicateWindow: Object.freeze({ ...manifest.duplicateWindow }),
  });
}
