import { InvalidTransportUrlError, type TransportUrl } from "@trunkline/core/driver";
import type { z } from "zod";
import type { LoginMechanism } from "../connection/dial.js";
import type { BrokerHost } from "../connection/host-order.js";
import { RABBIT_TOPOLOGY } from "../topology/rabbit-naming.js";
import { osloSchema, readOsloQuery } from "./oslo-options.js";
import { rabbitSchema, readRabbitQuery } from "./rabbit-options.js";
import type { OsloSettings, RabbitSettings, Settings } from "./settings.js";

const DEFAULT_PORT = 5_672;
const DEFAULT_TLS_PORT = 5_671;

/** For core, which refuses unknown options and names the nearest known one. */
export function schemaOf(url: TransportUrl): z.ZodObject {
  return isOslo(url) ? osloSchema : rabbitSchema;
}

/**
 * The settings of a URL that core has resolved; defaults where it has none. No I/O.
 * @throws InvalidTransportUrlError for a variant that there is not, and for options that contradict each other.
 */
export function readSettings(url: TransportUrl): Settings {
  return isOslo(url) ? osloSettings(url) : rabbitSettings(url);
}

function isOslo({ variant }: TransportUrl): boolean {
  if (variant === undefined) return false;
  if (variant === "oslo") return true;
  throw new InvalidTransportUrlError(`rabbit has no variant "${variant}"; write rabbit:// or rabbit+oslo://`, "scheme");
}

function rabbitSettings(url: TransportUrl): RabbitSettings {
  const query = readRabbitQuery(url.options);
  const { quorum, maxLength, maxEvents, expiresMs, unclaimedEvents, reconnectMs, reconnectMaxMs } = query;
  if (reconnectMaxMs < reconnectMs) refuse("reconnectMaxMs", "must be at least reconnectMs");
  const tlsFiles = [query.tlsCaFile, query.tlsCertFile, query.tlsKeyFile, query.tlsServerName];
  if (!query.tls && tlsFiles.some((one) => one !== undefined))
    refuse("tls", "must be true where a tls… option is given");
  checkPair(query.tlsCertFile, query.tlsKeyFile, "tlsCertFile", "tlsKeyFile");
  checkExternal(query.login, query.tlsCertFile, "login", "tlsCertFile");
  return {
    naming: "rabbit",
    hosts: hostsOf(url, query.tls),
    vhost: vhostOf(url),
    login: query.login,
    tls: query.tls
      ? {
          caFile: query.tlsCaFile,
          certFile: query.tlsCertFile,
          keyFile: query.tlsKeyFile,
          serverName: query.tlsServerName,
          checksHostName: true,
        }
      : undefined,
    heartbeatMs: query.heartbeatMs,
    failover: query.failover,
    reconnection: { kind: "jitter", baseDelayMs: reconnectMs, maxDelayMs: reconnectMaxMs },
    ...shared(query),
    compresses: query.compression === "zlib",
    replyRetryMs: 60_000,
    topology: {
      ...RABBIT_TOPOLOGY,
      quorum,
      maxLength,
      maxEvents,
      expiresMs,
      keepsUnclaimedEvents: unclaimedEvents === "keep",
    },
  };
}

function osloSettings(url: TransportUrl): OsloSettings {
  const query = readOsloQuery(url.options);
  if (query.rabbit_ha_queues && query.rabbit_quorum_queue) {
    refuse("rabbit_quorum_queue", "excludes rabbit_ha_queues: a quorum queue is replicated as it is");
  }
  const files = [query.ssl_ca_file, query.ssl_cert_file, query.ssl_key_file];
  if (!query.ssl && files.some((one) => one !== undefined)) refuse("ssl", "must be true where an ssl_… file is given");
  checkPair(query.ssl_cert_file, query.ssl_key_file, "ssl_cert_file", "ssl_key_file");
  // One of the three words, in the small letters that this side uses.
  const login = query.rabbit_login_method.toLowerCase() as LoginMechanism;
  checkExternal(login, query.ssl_cert_file, "rabbit_login_method", "ssl_cert_file");
  const { rabbit_quorum_max_memory_length: length, rabbit_quorum_max_memory_bytes: bytes } = query;
  return {
    naming: "oslo",
    hosts: hostsOf(url, query.ssl),
    vhost: vhostOf(url),
    login,
    tls: query.ssl
      ? {
          caFile: query.ssl_ca_file,
          certFile: query.ssl_cert_file,
          keyFile: query.ssl_key_file,
          checksHostName: query.ssl_enforce_hostname_verification,
          minVersion: /3$/.test(query.ssl_version) ? "TLSv1.3" : "TLSv1.2",
        }
      : undefined,
    heartbeatMs: query.heartbeat_timeout_threshold * 1_000,
    failover: query.kombu_failover_strategy === "shuffle" ? "shuffle" : "in-turn",
    reconnection: {
      kind: "steps",
      firstDelayMs: query.kombu_reconnect_delay * 1_000,
      splayMs: query.kombu_reconnect_splay * 1_000,
      baseDelayMs: query.rabbit_retry_interval * 1_000,
      stepMs: query.rabbit_retry_backoff * 1_000,
      maxDelayMs: query.rabbit_interval_max * 1_000,
    },
    ...shared(query),
    compresses: query.kombu_compression !== "none",
    replyRetryMs: query.kombu_missing_consumer_retry_timeout * 1_000,
    prefetch: query.rabbit_qos_prefetch_count,
    hasMandatoryReplies: query.direct_mandatory_flag,
    topology: {
      ...query,
      rabbit_quorum_max_memory_length: length === 0 ? query.rabbit_quroum_max_memory_length : length,
      rabbit_quorum_max_memory_bytes: bytes === 0 ? query.rabbit_quroum_max_memory_bytes : bytes,
    },
  };
}

type Shared = Pick<
  Settings,
  "maxMessageBytes" | "queueMessages" | "queueMiB" | "clockToleranceMs" | "idleChannelMs" | "consumerTimeoutMs"
>;

function shared(query: Shared): Shared {
  const { maxMessageBytes, queueMessages, queueMiB, clockToleranceMs, idleChannelMs, consumerTimeoutMs } = query;
  return { maxMessageBytes, queueMessages, queueMiB, clockToleranceMs, idleChannelMs, consumerTimeoutMs };
}

/** No host is this machine's broker. */
function hostsOf(url: TransportUrl, isTls: boolean): BrokerHost[] {
  const fallback = isTls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
  if (url.hosts.length === 0) return [{ host: "localhost", port: fallback, user: undefined, password: undefined }];
  const credentials = url.hosts.find((host) => host.user !== undefined);
  return url.hosts.map(({ host, port, user, password }) => ({
    host,
    port: port ?? fallback,
    // oslo.messaging takes those of the first host that has any for the others.
    user: user ?? credentials?.user,
    password: user === undefined ? credentials?.password : password,
  }));
}

function vhostOf({ realm }: TransportUrl): string {
  return realm === "" ? "/" : realm;
}

function checkPair(cert: string | undefined, key: string | undefined, certName: string, keyName: string): void {
  if ((cert === undefined) !== (key === undefined)) {
    refuse(cert === undefined ? keyName : certName, `needs ${cert === undefined ? certName : keyName} beside it`);
  }
}

function checkExternal(login: LoginMechanism, cert: string | undefined, option: string, certName: string): void {
  if (login === "external" && cert === undefined) {
    refuse(option, `"external" proves who this is by a client certificate: give ${certName}`);
  }
}

function refuse(option: string, why: string): never {
  throw new InvalidTransportUrlError(`invalid transport URL: option "${option}" ${why}`, `option:${option}`);
}
