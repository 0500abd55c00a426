import {
  type Capabilities,
  type DriverFactory,
  defineCapabilities,
  NotSupportedError,
  type TransportUrl,
} from "@trunkline/core/driver";
import { z } from "zod";
import { Link } from "./link.js";
import { RedisDriver } from "./redis-driver.js";

const NAME = "trunkline-driver-redis";
const DEFAULT_PORT = 6379;

const optionsSchema = z.object({
  /** For how long a listener that says nothing counts as there, in ms. */
  memberTtlMs: z.coerce.number().int().min(1_000).max(600_000).default(10_000),
  /** For how long requests wait for a server where one was, in ms. */
  queueTtlMs: z.coerce.number().int().min(1_000).max(86_400_000).default(3_600_000),
  /** How many messages wait for one server, topic or pool. */
  maxQueued: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
  maxMessageBytes: z.coerce
    .number()
    .int()
    .min(1_024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024),
});

type Options = z.infer<typeof optionsSchema>;

/** Each `false` is refused by name; the README says why it is one. */
function capabilitiesOf({ maxMessageBytes, memberTtlMs }: Options): Capabilities {
  return defineCapabilities({
    rpc: true,
    events: true,
    fanout: true,
    serverDirected: true,
    exchanges: true,
    exactNames: true,
    pools: true,
    requeue: false,
    redelivery: false,
    batches: true, // core makes them
    streaming: false,
    cancel: false,
    callMonitor: false,
    binary: true,
    bigint: true,
    date: true,
    gracefulDrain: true,
    storesOffline: false,
    crossProcess: true,
    realms: true,
    failover: false,
    tls: false,
    auth: false,
    redeliveryInfo: false,
    acceptance: { casts: "broker", events: "broker" },
    undeliverable: "no-queue",
    peerDeath: "none",
    ordering: "none",
    backpressure: "reject",
    eventContext: "filtered",
    maxMessageBytes,
    detectionMs: memberTtlMs,
    joinLatencyMs: 0,
    recoveryMs: 5_000,
    duplicateWindow: { ids: 0, ms: 0 },
  });
}

const optionsOf = (url: TransportUrl): Options => optionsSchema.parse(url.options);

/** `redis://host:port/realm`. */
export const driver: DriverFactory = {
  scheme: "redis",
  name: NAME,
  version: "0.1.0",
  options: optionsSchema,

  capabilities: (url) => capabilitiesOf(optionsOf(url)),

  async open(url, host, options) {
    const [first, ...others] = url.hosts;
    if (others.length > 0) throw new NotSupportedError("one Redis, not a list of them", "failover", NAME);
    if (first?.user !== undefined || first?.password !== undefined)
      throw new NotSupportedError("a Redis without passwords: take them out of the URL", "auth", NAME);
    const place = { host: first?.host ?? "127.0.0.1", port: first?.port ?? DEFAULT_PORT };
    const { memberTtlMs, queueTtlMs, maxQueued } = optionsOf(url);
    const link = await Link.open(place, host, options);
    return new RedisDriver(host, link, {
      name: NAME,
      capabilities: capabilitiesOf(optionsOf(url)),
      memberTtlMs,
      queueTtlMs,
      maxQueued,
    });
  },
};
