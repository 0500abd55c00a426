import { InvalidTransportUrlError } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { osloSchema, readOsloQuery } from "../../src/options/oslo-options.js";
import { HOST_NAME } from "../../src/options/rabbit-options.js";
import type { OsloSettings } from "../../src/options/settings.js";
import type { OsloTopologyOptions } from "../../src/topology/oslo-naming.js";
import { OSLO_TOPOLOGY } from "../support/oslo-topology.js";
import { osloSettings, urlOf } from "../support/urls.js";

const NAMES = Object.keys(osloSchema.shape);
/** Those of oslo.messaging that would have no effect here. */
const REFUSED = NAMES.filter((name) => osloSchema.safeParse({ [name]: "1" }).error?.message.includes("leave it out"));

const PROCESS = { hostname: HOST_NAME, processname: osloSettings("").topology.processname };
const TOPOLOGY: OsloTopologyOptions = { ...OSLO_TOPOLOGY, ...PROCESS };
type Topology = Partial<OsloTopologyOptions>;

/** The settings with what of the topology a naming can see: the rest of the query travels along. */
function read(query: string): OsloSettings {
  const settings = osloSettings(query);
  const seen = Object.entries(settings.topology).filter(([name]) => name in TOPOLOGY);
  // Those of `TOPOLOGY`, all of them.
  return { ...settings, topology: Object.fromEntries(seen) as unknown as OsloTopologyOptions };
}

const STEPS = {
  kind: "steps",
  firstDelayMs: 1_000,
  splayMs: 0,
  baseDelayMs: 1_000,
  stepMs: 2_000,
  maxDelayMs: 30_000,
} as const;

const DEFAULTS: OsloSettings = {
  naming: "oslo",
  hosts: [{ host: "localhost", port: 5_672, user: undefined, password: undefined }],
  vhost: "/",
  login: "amqplain",
  tls: undefined,
  heartbeatMs: 60_000,
  failover: "in-turn",
  reconnection: STEPS,
  maxMessageBytes: 16 * 1024 * 1024,
  queueMessages: 10_000,
  queueMiB: 64,
  clockToleranceMs: 1_000,
  idleChannelMs: 60_000,
  consumerTimeoutMs: 1_800_000,
  compresses: false,
  replyRetryMs: 60_000,
  prefetch: 0,
  hasMandatoryReplies: true,
  topology: TOPOLOGY,
};

test("a URL without options has oslo.messaging's defaults, and so has one that core has not read", () => {
  expect(read("")).toEqual(DEFAULTS);
  expect(readOsloQuery({})).toEqual(readOsloQuery(urlOf("rabbit+oslo://").options));
  expect(PROCESS.processname).not.toBe("");
});

const SSL = "ssl=true";
const tls = {
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  checksHostName: true,
  minVersion: "TLSv1.2",
} as const;
const topology = (more: Topology): Partial<OsloSettings> => ({ topology: { ...TOPOLOGY, ...more } });
const steps = (more: Partial<Record<keyof typeof STEPS, number>>): Partial<OsloSettings> => ({
  reconnection: { ...STEPS, ...more } as OsloSettings["reconnection"],
});

/** Of each option: a value, what it needs beside it, and what it changes of the settings. */
const EFFECTS: Readonly<Record<string, readonly [value: string, beside: string, change: Partial<OsloSettings>]>> = {
  amqp_durable_queues: ["true", "", topology({ amqp_durable_queues: true })],
  amqp_auto_delete: ["true", "", topology({ amqp_auto_delete: true })],
  rabbit_ha_queues: ["true", "", topology({ rabbit_ha_queues: true })],
  rabbit_quorum_queue: ["true", "", topology({ rabbit_quorum_queue: true })],
  rabbit_quorum_delivery_limit: ["3", "", topology({ rabbit_quorum_delivery_limit: 3 })],
  rabbit_quorum_max_memory_length: ["3", "", topology({ rabbit_quorum_max_memory_length: 3 })],
  rabbit_quorum_max_memory_bytes: ["3", "", topology({ rabbit_quorum_max_memory_bytes: 3 })],
  rabbit_quroum_max_memory_length: ["3", "", topology({ rabbit_quorum_max_memory_length: 3 })],
  rabbit_quroum_max_memory_bytes: ["3", "", topology({ rabbit_quorum_max_memory_bytes: 3 })],
  rabbit_transient_quorum_queue: ["true", "", topology({ rabbit_transient_quorum_queue: true })],
  rabbit_transient_queues_ttl: ["3", "", topology({ rabbit_transient_queues_ttl: 3 })],
  rabbit_qos_prefetch_count: ["3", "", { prefetch: 3 }],
  enable_cancel_on_failover: ["true", "", topology({ enable_cancel_on_failover: true })],
  use_queue_manager: ["true", "", topology({ use_queue_manager: true })],
  hostname: ["h", "", topology({ hostname: "h" })],
  processname: ["p", "", topology({ processname: "p" })],
  ssl: ["true", "", { tls, hosts: [{ host: "localhost", port: 5_671, user: undefined, password: undefined }] }],
  ssl_version: ["TLSv1_3", SSL, { tls: { ...tls, minVersion: "TLSv1.3" } }],
  ssl_key_file: ["/k", `${SSL}&ssl_cert_file=/c`, { tls: { ...tls, certFile: "/c", keyFile: "/k" } }],
  ssl_cert_file: ["/c", `${SSL}&ssl_key_file=/k`, { tls: { ...tls, certFile: "/c", keyFile: "/k" } }],
  ssl_ca_file: ["/ca", SSL, { tls: { ...tls, caFile: "/ca" } }],
  ssl_enforce_hostname_verification: ["false", SSL, { tls: { ...tls, checksHostName: false } }],
  rabbit_login_method: ["PLAIN", "", { login: "plain" }],
  rabbit_retry_interval: ["0.5", "", steps({ baseDelayMs: 500 })],
  rabbit_retry_backoff: ["0.5", "", steps({ stepMs: 500 })],
  rabbit_interval_max: ["0.5", "", steps({ maxDelayMs: 500 })],
  kombu_reconnect_delay: ["0.5", "", steps({ firstDelayMs: 500 })],
  kombu_reconnect_splay: ["0.5", "", steps({ splayMs: 500 })],
  kombu_failover_strategy: ["shuffle", "", { failover: "shuffle" }],
  heartbeat_timeout_threshold: ["5", "", { heartbeatMs: 5_000 }],
  kombu_compression: ["gzip", "", { compresses: true }],
  kombu_missing_consumer_retry_timeout: ["0.5", "", { replyRetryMs: 500 }],
  direct_mandatory_flag: ["false", "", { hasMandatoryReplies: false }],
  maxMessageBytes: ["256", "", { maxMessageBytes: 256 }],
  queueMessages: ["1", "", { queueMessages: 1 }],
  queueMiB: ["0.5", "", { queueMiB: 0.5 }],
  clockToleranceMs: ["0", "", { clockToleranceMs: 0 }],
  idleChannelMs: ["1000", "", { idleChannelMs: 1_000 }],
  consumerTimeoutMs: ["0", "", { consumerTimeoutMs: 0 }],
};

describe("each option that is read has its effect, and no other", () => {
  test("none is forgotten here", () => {
    expect([...Object.keys(EFFECTS), ...REFUSED].toSorted()).toEqual(NAMES.toSorted());
  });

  test.each(Object.keys(EFFECTS))("%s", (name) => {
    const [value, beside, change] = EFFECTS[name] ?? ["", "", {}];
    const sslOnly = beside === "" ? {} : { hosts: osloSettings(SSL).hosts };
    const settings = read(`${name}=${value}${beside === "" ? "" : `&${beside}`}`);
    expect(settings).toEqual({ ...DEFAULTS, ...sslOnly, ...change });
    expect(settings).not.toEqual(read(beside === SSL ? SSL : ""));
  });

  test("both names of a version and of a compression mean the same", () => {
    for (const version of ["TLSv1.3", "TLSv1_3", "tlsv1_3"]) {
      expect(read(`ssl=1&ssl_version=${version}`).tls?.minVersion).toBe("TLSv1.3");
    }
    for (const version of ["TLSv1.2", "TLSv1_2"]) {
      expect(read(`ssl=1&ssl_version=${version}`).tls?.minVersion).toBe("TLSv1.2");
    }
    expect(read("kombu_compression=zlib").compresses).toBe(true);
  });

  test("of two spellings of one limit the right one counts", () => {
    expect(
      read("rabbit_quorum_max_memory_bytes=3&rabbit_quroum_max_memory_bytes=4").topology.rabbit_quorum_max_memory_bytes,
    ).toBe(3);
  });
});

describe("a bad value is refused under the option's name", () => {
  const MOST = String(2 ** 31);
  test.each<[string, readonly string[]]>([
    ...["amqp_durable_queues", "amqp_auto_delete", "rabbit_ha_queues", "rabbit_quorum_queue"].map(flagCase),
    ...["rabbit_transient_quorum_queue", "enable_cancel_on_failover", "use_queue_manager", "ssl"].map(flagCase),
    ...["ssl_enforce_hostname_verification", "direct_mandatory_flag"].map(flagCase),
    ["rabbit_quorum_delivery_limit", ["-1", "1.5", "", MOST]],
    ["rabbit_quorum_max_memory_length", ["-1", "1.5", "", MOST]],
    ["rabbit_quorum_max_memory_bytes", ["-1", "1.5", "", MOST]],
    ["rabbit_quroum_max_memory_length", ["-1", "1.5", "", MOST]],
    ["rabbit_quroum_max_memory_bytes", ["-1", "1.5", "", MOST]],
    ["rabbit_transient_queues_ttl", ["-1", "1.5", "", "never"]],
    ["rabbit_qos_prefetch_count", ["-1", "65536", ""]],
    ["hostname", [""]],
    ["processname", [""]],
    ["ssl_version", ["", "SSLv3", "TLSv1", "1.2"]],
    ["ssl_key_file", [""]],
    ["ssl_cert_file", [""]],
    ["ssl_ca_file", [""]],
    ["rabbit_login_method", ["", "RABBIT-CR-DEMO"]],
    ["rabbit_retry_interval", ["0", "-1", "", "soon", MOST]],
    ["rabbit_retry_backoff", ["-1", "", MOST]],
    ["rabbit_interval_max", ["0", "-1", "", MOST]],
    ["kombu_reconnect_delay", ["-1", "", MOST]],
    ["kombu_reconnect_splay", ["-1", "", MOST]],
    ["kombu_failover_strategy", ["", "in-turn"]],
    ["heartbeat_timeout_threshold", ["-1", "1.5", "3601", ""]],
    ["kombu_compression", ["", "bz2"]],
    ["kombu_missing_consumer_retry_timeout", ["-1", "", MOST]],
    ["maxMessageBytes", ["255", "", String(2 ** 28 + 1)]],
    ["queueMessages", ["0", "", "1.5"]],
    ["queueMiB", ["0", "", "-1"]],
    ["clockToleranceMs", ["-1", "", "1.5"]],
    ["idleChannelMs", ["999", ""]],
    ["consumerTimeoutMs", ["-1", "", "1.5"]],
  ])("%s: %j", (name, values) => {
    for (const value of values) {
      const resolve = (): unknown => osloSettings(`${name}=${value}`);
      expect(resolve, value).toThrow(InvalidTransportUrlError);
      expect(resolve, value).toThrow(expect.objectContaining({ part: `option:${name}` }));
      expect(resolve, value).toThrow(new RegExp(`option "?${name}`));
    }
  });

  test("one that would have no effect says why, and to leave it out", () => {
    expect(REFUSED.toSorted()).toEqual([
      "conn_pool_min_size",
      "conn_pool_ttl",
      "heartbeat_in_pthread",
      "heartbeat_rate",
      "rabbit_stream_fanout",
      "rpc_conn_pool_size",
      "ssl_enforce_fips_mode",
    ]);
    for (const name of REFUSED) {
      expect(() => osloSettings(`${name}=1`), name).toThrow(
        expect.objectContaining({ part: `option:${name}`, message: expect.stringMatching(/\w+.*; leave it out/) }),
      );
    }
    expect(() => osloSettings("heartbeat_rate=3")).toThrow("half of heartbeat_timeout_threshold");
  });

  test("the other naming's options are unknown here", () => {
    expect(() => osloSettings("heartbeatMs=1000")).toThrow('unknown option "heartbeatMs"');
    expect(() => osloSettings("amqp_durable_queue=true")).toThrow('did you mean "amqp_durable_queues"?');
  });
});

function flagCase(name: string): [string, readonly string[]] {
  return [name, ["maybe", "", "2"]];
}
