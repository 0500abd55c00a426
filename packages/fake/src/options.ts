import { type Capabilities, defineCapabilities, type TransportUrl } from "@trunkline/core/driver";
import { z } from "zod";

/** The query of a `fake://` URL. */
export interface FakeOptions {
  /** What this transport is called in the bus's controls, in `peer` fields and in statistics. @default `fake-1`, `fake-2`, … on its bus */
  readonly peer?: string | undefined;
  /** The largest encoded message (D4). @default 16 MiB */
  readonly maxMessageBytes: number;
  /** How long a message waits for a listener to appear before it is unreachable (A7). @default 1 000 */
  readonly discoveryMs: number;
  /** How long a frozen link counts as slow before both its ends call it lost (B12). @default 5 000 */
  readonly detectionMs: number;
  /** How long after a `disconnect` fault the link comes back by itself. @default 10 */
  readonly reconnectMs: number;
  /** How many messages of this transport's may wait in one queue before the sender is slowed (B13). @default 10 000 */
  readonly queueMessages: number;
  /** The same bound in MiB of encoded messages. @default 64 */
  readonly queueMiB: number;
}

const MOST = 2 ** 31 - 1;

/** A number as text, or one that was read already. Nothing is no number: as 0 it would often mean that there is no bound. */
const number = (schema: z.ZodNumber): z.ZodPreprocess<z.ZodNumber> =>
  z.preprocess((given) => (typeof given === "string" && given.trim() === "" ? Number.NaN : Number(given)), schema);

const milliseconds = (fallback: number): z.ZodDefault<z.ZodPreprocess<z.ZodNumber>> =>
  number(z.number().min(0).max(MOST)).default(fallback);

const schema = z.object({
  peer: z.string().min(1).max(255).optional(),
  maxMessageBytes: number(
    z
      .number()
      .int()
      .min(64)
      .max(2 ** 30),
  ).default(16 * 1024 * 1024),
  discoveryMs: milliseconds(1_000),
  detectionMs: milliseconds(5_000),
  reconnectMs: milliseconds(10),
  queueMessages: number(z.number().int().min(1).max(MOST)).default(10_000),
  queueMiB: number(z.number().positive()).default(64),
});

/** For core, which refuses unknown options and names the nearest known one. */
export const optionsSchema: z.ZodObject = schema;

/** The options of a URL that core has resolved; defaults where it has none. */
export function readOptions(url: TransportUrl): FakeOptions {
  return schema.parse(url.options);
}

/** The manifest (H): everything but crossProcess, failover, tls, auth, and streaming, which core does not have yet. */
export function capabilitiesOf(options: FakeOptions): Capabilities {
  return defineCapabilities({
    rpc: true,
    events: true,
    fanout: true,
    serverDirected: true,
    exchanges: true,
    exactNames: true,
    pools: true,
    requeue: true,
    redelivery: true,
    batches: true,
    streaming: false,
    cancel: true,
    callMonitor: true,
    binary: true,
    bigint: true,
    date: true,
    gracefulDrain: true,
    storesOffline: true,
    crossProcess: false,
    realms: true,
    failover: false,
    tls: false,
    auth: false,
    redeliveryInfo: true,
    acceptance: { casts: "transport", events: "transport" },
    undeliverable: "no-listener",
    peerDeath: "detected",
    ordering: "per-target",
    backpressure: "block",
    eventContext: "filtered",
    maxMessageBytes: options.maxMessageBytes,
    detectionMs: options.detectionMs,
    joinLatencyMs: 0,
    recoveryMs: 5_000,
    duplicateWindow: DUPLICATE_WINDOW,
  });
}

/** Semantics I. */
export const DUPLICATE_WINDOW: { readonly ids: number; readonly ms: number } = { ids: 10_000, ms: 300_000 };
