import { type Capabilities, defineCapabilities, type TransportUrl } from "@trunkline/core/driver";
import { z } from "zod";
import { checkSecurityOptions, type SecurityOptions, securityShape } from "./security/security-options.js";

/** The query of a `zmq://` URL. */
export interface ZmqOptions extends SecurityOptions {
  /** Static peers: the HOST:PORT that this process listens on, as the others list it. @default none: it only calls */
  readonly bind?: string | undefined;
  /** What moves the bytes: the native add-on, or ZMTP in TypeScript. They understand each other. @default zmtp; libzmq with `security=curve` */
  readonly engine: "libzmq" | "zmtp";
  /** The largest encoded message (D4). @default 16 MiB */
  readonly maxMessageBytes: number;
  /** How often a link is probed. @default 1 000 */
  readonly heartbeatMs: number;
  /** A link that answers no probe for this long is lost. @default 15 000, as a busy process holds up what answers; 3 000 with the engine libzmq */
  readonly heartbeatTimeoutMs: number;
  /** How long a message waits for a listener to appear before it is unreachable (A7). @default 1 000 */
  readonly discoveryMs: number;
  /** A link that carried nothing for this long is closed. @default 60 000 */
  readonly idleMs: number;
  /** How many links are kept; beyond, the idle one that was used longest ago gives way. @default 1 024 */
  readonly poolLinks: number;
  /** How many messages may wait for one target before their sender is slowed (B13). @default 10 000 */
  readonly queueMessages: number;
  /** The same bound in MiB of encoded messages. @default 64 */
  readonly queueMiB: number;
  /** Where processes of this machine find each other. @default `$XDG_RUNTIME_DIR/trunkline`, else `<tmpdir>/trunkline-<uid>` */
  readonly runtimeDir?: string | undefined;
}

const DEFAULT_ENGINE = "zmtp";
/** Whatever the default is: CURVE in TypeScript is to be asked for until it has been audited (docs/zmtp-curve-review.md). */
const CURVE_ENGINE = "libzmq";

/** libzmq answers probes on a thread of its own; with zmtp a process answers between two turns of its event loop. */
const HEARTBEAT_TIMEOUT_MS: Readonly<Record<ZmqOptions["engine"], number>> = { libzmq: 3_000, zmtp: 15_000 };

/** A number as text, or one that was read already. Nothing is no number: as 0 it would often mean that there is no bound. */
const number = (schema: z.ZodNumber): z.ZodPreprocess<z.ZodNumber> =>
  z.preprocess((given) => (typeof given === "string" && given.trim() === "" ? Number.NaN : Number(given)), schema);

const count = (least: number, most: number = 2 ** 31 - 1): z.ZodPreprocess<z.ZodNumber> =>
  number(z.number().int().min(least).max(most));

const milliseconds = (least: number, fallback: number): z.ZodDefault<z.ZodPreprocess<z.ZodNumber>> =>
  count(least).default(fallback);

const schema = z.object({
  bind: z.string().min(1).optional(),
  ...securityShape,
  engine: z.enum(["libzmq", "zmtp"]).optional(),
  maxMessageBytes: count(64, 2 ** 30).default(16 * 1024 * 1024),
  heartbeatMs: milliseconds(50, 1_000),
  heartbeatTimeoutMs: count(100).optional(),
  discoveryMs: milliseconds(0, 1_000),
  idleMs: milliseconds(100, 60_000),
  poolLinks: count(1, 5_000).default(1_024),
  queueMessages: count(1).default(10_000),
  queueMiB: number(z.number().positive()).default(64),
  runtimeDir: z.string().min(1).optional(),
});

/** For core, which refuses unknown options and names the nearest known one. */
export const optionsSchema: z.ZodObject = schema;

/** The options of a URL that core has resolved; defaults where it has none. @throws InvalidTransportUrlError: some have no effect together. */
export function readOptions(url: TransportUrl): ZmqOptions {
  const options = schema.parse(url.options);
  checkSecurityOptions(options);
  const engine = options.engine ?? (options.security === "curve" ? CURVE_ENGINE : DEFAULT_ENGINE);
  return { ...options, heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS[engine], engine };
}

/** Peers of this machine are found at once; those that a URL lists may take so long to note a new listener. */
const STATIC_JOIN_LATENCY_MS = 1_000;
/** Over the heartbeat's own bound: what it takes to tell everybody. */
const DETECTION_SLACK_MS = 2_000;

/** The manifest (H). */
export function capabilitiesOf(options: ZmqOptions, isStatic: boolean): Capabilities {
  return defineCapabilities({
    rpc: true,
    events: true,
    fanout: true,
    serverDirected: true,
    exchanges: true,
    exactNames: true,
    pools: true,
    requeue: true,
    redelivery: false,
    batches: true,
    streaming: false,
    cancel: true,
    callMonitor: true,
    binary: true,
    bigint: true,
    date: true,
    gracefulDrain: true,
    storesOffline: false,
    crossProcess: true,
    realms: true,
    failover: false,
    tls: options.security === "curve",
    auth: options.security === "curve" || options.security === "plain",
    redeliveryInfo: false,
    acceptance: { casts: "transport", events: "transport" },
    undeliverable: "no-listener",
    peerDeath: "detected",
    ordering: "per-target",
    backpressure: "block",
    eventContext: "filtered",
    maxMessageBytes: options.maxMessageBytes,
    detectionMs: Math.max(5_000, options.heartbeatTimeoutMs + DETECTION_SLACK_MS),
    joinLatencyMs: isStatic ? STATIC_JOIN_LATENCY_MS : 0,
    recoveryMs: 5_000,
    duplicateWindow: DUPLICATE_WINDOW,
  });
}

/** A link numbers its messages and repeats none, so that nothing comes twice, however long ago: the bound of clause I is kept. */
const DUPLICATE_WINDOW: { readonly ids: number; readonly ms: number } = { ids: 10_000, ms: 300_000 };
