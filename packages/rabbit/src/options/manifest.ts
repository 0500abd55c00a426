import { type Acceptance, type Capabilities, defineCapabilities } from "@trunkline/core/driver";
import { DUPLICATE_WINDOW } from "../receiving/ledger.js";
import type { OsloSettings, RabbitSettings, Reconnection, Settings } from "./settings.js";

/** A connection, its channels and its consumers are made again within so long of an attempt that succeeds. */
const REMADE_MS = 3_000;

/** The manifest of a URL (H). */
export function capabilitiesOf(settings: Settings): Capabilities {
  const lasting = settings.naming === "rabbit" ? RABBIT : osloClaims(settings);
  return defineCapabilities({
    ...COMMON,
    ...lasting,
    maxMessageBytes: settings.maxMessageBytes,
    detectionMs: detectionMs(settings),
    recoveryMs: longestPauseMs(settings.reconnection) + REMADE_MS,
  });
}

type Bounds = "maxMessageBytes" | "detectionMs" | "recoveryMs";
type Varying =
  | "acceptance"
  | "binary"
  | "bigint"
  | "date"
  | "peerDeath"
  | "cancel"
  | "exchanges"
  | "exactNames"
  | "eventContext";

const COMMON: Omit<Capabilities, Bounds | Varying> = {
  rpc: true,
  events: true,
  fanout: true,
  serverDirected: true,
  pools: true,
  requeue: true,
  redelivery: true,
  batches: true,
  streaming: false,
  callMonitor: true,
  gracefulDrain: true,
  storesOffline: true,
  crossProcess: true,
  realms: true,
  failover: true,
  tls: true,
  auth: true,
  redeliveryInfo: true,
  undeliverable: "no-queue",
  ordering: "per-target",
  backpressure: "block",
  joinLatencyMs: 0,
  duplicateWindow: DUPLICATE_WINDOW,
};

const RABBIT: Pick<Capabilities, Varying> = {
  acceptance: { casts: "durable", events: "durable" },
  binary: true,
  bigint: true,
  date: true,
  peerDeath: "detected",
  cancel: true,
  exchanges: true,
  exactNames: true,
  eventContext: "filtered",
};

function osloClaims({ topology }: OsloSettings): Pick<Capabilities, Varying> {
  const isDurable = topology.amqp_durable_queues || topology.rabbit_quorum_queue;
  const accepted: Acceptance = isDurable ? "durable" : "broker";
  return {
    acceptance: { casts: accepted, events: accepted },
    binary: false,
    bigint: false,
    date: false,
    peerDeath: "monitored",
    cancel: false,
    exchanges: false,
    exactNames: false,
    eventContext: "listed",
  };
}

/** The longest wait between two attempts to connect. */
function longestPauseMs(reconnection: Reconnection): number {
  if (reconnection.kind === "jitter") return reconnection.maxDelayMs;
  return Math.max(reconnection.firstDelayMs, reconnection.maxDelayMs) + reconnection.splayMs;
}

/** The broker gives a silent connection up after two heartbeats, which it counts from its own clock's ticks. */
function detectionMs({ heartbeatMs }: RabbitSettings | OsloSettings): number {
  return heartbeatMs === 0 ? 60_000 : 3 * heartbeatMs;
}
