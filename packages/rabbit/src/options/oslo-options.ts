import { basename } from "node:path";
import { z } from "zod";
import type { OsloTopologyOptions } from "../topology/oslo-naming.js";
import { count, flag, refused, seconds, word } from "./fields.js";
import { HOST_NAME } from "./rabbit-options.js";

const THREADS = "Node has one thread for all of a connection";
const POOLS = "one connection carries all that a process sends";

/**
 * The query of a `rabbit+oslo://` URL: what oslo.messaging has in its group `oslo_messaging_rabbit` and a client needs, under its own
 * names and with its defaults, and what only this side can see.
 */
export interface OsloQuery extends OsloTopologyOptions {
  /** As older releases spell them. */
  readonly rabbit_quroum_max_memory_length: number;
  readonly rabbit_quroum_max_memory_bytes: number;
  /** How many messages of one queue the broker hands over; 0: as a server's credit says. */
  readonly rabbit_qos_prefetch_count: number;
  readonly ssl: boolean;
  readonly ssl_version: "TLSv1_2" | "TLSv1.2" | "TLSv1_3" | "TLSv1.3";
  readonly ssl_key_file?: string | undefined;
  readonly ssl_cert_file?: string | undefined;
  readonly ssl_ca_file?: string | undefined;
  /** True, as in oslo.messaging's newer releases. */
  readonly ssl_enforce_hostname_verification: boolean;
  readonly rabbit_login_method: "AMQPLAIN" | "PLAIN" | "EXTERNAL";
  /** Seconds: the first wait between attempts to connect, what each further one adds, and the longest. */
  readonly rabbit_retry_interval: number;
  readonly rabbit_retry_backoff: number;
  readonly rabbit_interval_max: number;
  /** Seconds before the first attempt after a lost connection, and how much more at random. */
  readonly kombu_reconnect_delay: number;
  readonly kombu_reconnect_splay: number;
  readonly kombu_failover_strategy: "round-robin" | "shuffle";
  /** Seconds; 0: no heartbeats. */
  readonly heartbeat_timeout_threshold: number;
  readonly kombu_compression: "none" | "gzip" | "zlib";
  /** Seconds for which a reply is offered to a reply queue that is not there. */
  readonly kombu_missing_consumer_retry_timeout: number;
  readonly direct_mandatory_flag: boolean;
  readonly maxMessageBytes: number;
  readonly queueMessages: number;
  readonly queueMiB: number;
  readonly clockToleranceMs: number;
  readonly idleChannelMs: number;
  readonly consumerTimeoutMs: number;
}

const schema = z.object({
  amqp_durable_queues: flag(false),
  amqp_auto_delete: flag(false),
  rabbit_ha_queues: flag(false),
  rabbit_quorum_queue: flag(false),
  rabbit_quorum_delivery_limit: count(0, 0),
  rabbit_quorum_max_memory_length: count(0, 0),
  rabbit_quorum_max_memory_bytes: count(0, 0),
  rabbit_quroum_max_memory_length: count(0, 0),
  rabbit_quroum_max_memory_bytes: count(0, 0),
  rabbit_transient_quorum_queue: flag(false),
  rabbit_transient_queues_ttl: count(0, 1_800),
  rabbit_qos_prefetch_count: count(0, 0, 65_535),
  enable_cancel_on_failover: flag(false),
  use_queue_manager: flag(false),
  hostname: z.string().min(1).default(HOST_NAME),
  processname: z
    .string()
    .min(1)
    .default(() => basename(process.argv[1] ?? "node")),
  rabbit_stream_fanout: refused(
    "fanouts by stream are not supported: they would replay what was sent before a server listened",
  ),
  ssl: flag(false),
  ssl_version: word(["TLSv1_2", "TLSv1.2", "TLSv1_3", "TLSv1.3"]).default("TLSv1_2"),
  ssl_key_file: z.string().min(1).optional(),
  ssl_cert_file: z.string().min(1).optional(),
  ssl_ca_file: z.string().min(1).optional(),
  ssl_enforce_hostname_verification: flag(true),
  ssl_enforce_fips_mode: refused("FIPS mode is the process's: start node with --force-fips"),
  rabbit_login_method: word(["AMQPLAIN", "PLAIN", "EXTERNAL"]).default("AMQPLAIN"),
  rabbit_retry_interval: seconds(0.001, 1),
  rabbit_retry_backoff: seconds(0, 2),
  rabbit_interval_max: seconds(0.001, 30),
  kombu_reconnect_delay: seconds(0, 1),
  kombu_reconnect_splay: seconds(0, 0),
  kombu_failover_strategy: word(["round-robin", "shuffle"]).default("round-robin"),
  heartbeat_timeout_threshold: count(0, 60, 3_600),
  heartbeat_rate: refused("a heartbeat goes out at half of heartbeat_timeout_threshold"),
  heartbeat_in_pthread: refused(THREADS),
  kombu_compression: word(["none", "gzip", "zlib"]).default("none"),
  kombu_missing_consumer_retry_timeout: seconds(0, 60),
  direct_mandatory_flag: flag(true),
  rpc_conn_pool_size: refused(POOLS),
  conn_pool_min_size: refused(POOLS),
  conn_pool_ttl: refused(POOLS),
  maxMessageBytes: count(256, 16 * 1024 * 1024, 2 ** 28),
  queueMessages: count(1, 10_000),
  queueMiB: z.coerce.number().positive().default(64),
  clockToleranceMs: count(0, 1_000),
  idleChannelMs: count(1_000, 60_000),
  consumerTimeoutMs: count(0, 1_800_000),
});

/** For core, which refuses unknown options and names the nearest known one. */
export const osloSchema: z.ZodObject = schema;

/** The options of a URL that core has resolved; defaults where it has none. */
export function readOsloQuery(options: Readonly<Record<string, unknown>>): OsloQuery {
  return schema.parse(options);
}
