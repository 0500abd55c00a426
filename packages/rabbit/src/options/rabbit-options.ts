import { hostname } from "node:os";
import { z } from "zod";
import { RABBIT_TOPOLOGY } from "../topology/rabbit-naming.js";
import { count, flag, milliseconds, word } from "./fields.js";

/** The query of a `rabbit://` URL. */
export interface RabbitQuery {
  /** TLS, on port 5671 where the URL names none. @default false */
  readonly tls: boolean;
  /** PEM: the authorities that are trusted. @default the system's */
  readonly tlsCaFile?: string | undefined;
  /** PEM: the certificate by which this client shows who it is, and its key. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** The name that the broker's certificate must have. @default the host's */
  readonly tlsServerName?: string | undefined;
  /** `external`: the client certificate says who this is. @default plain */
  readonly login: "plain" | "amqplain" | "external";
  /** In which order several hosts are tried. @default shuffle */
  readonly failover: "shuffle" | "in-turn";
  /** Whole seconds, in ms. The broker may ask for less. @default 10 000 */
  readonly heartbeatMs: number;
  /** The first wait between attempts to connect, and the longest: full jitter. @default 100 and 2 000 */
  readonly reconnectMs: number;
  readonly reconnectMaxMs: number;
  /** The largest encoded message (D4). @default 16 MiB */
  readonly maxMessageBytes: number;
  /** How many messages may wait here to be taken by the broker; beyond, they are refused (B13). @default 10 000 */
  readonly queueMessages: number;
  /** The same bound in MiB of encoded messages. @default 64 */
  readonly queueMiB: number;
  /** How far the clocks of two machines may differ for a send time to be believed (B6). @default 1 000 */
  readonly clockToleranceMs: number;
  /** A channel over which nothing was sent for so long is closed. @default 60 000 */
  readonly idleChannelMs: number;
  /** Whether bodies are sent compressed; compressed ones are always read. @default none */
  readonly compression: "none" | "zlib";
  /** The broker's own `consumer_timeout`: how long a message may be held; 0: without end. @default 1 800 000 */
  readonly consumerTimeoutMs: number;
  /** Calls wait in quorum queues too. @default false */
  readonly quorum: boolean;
  /** The most requests that a queue holds. @default 100 000 */
  readonly maxLength: number;
  /** The most events that a queue holds. @default 1 000 000 */
  readonly maxEvents: number;
  /** A queue of requests or events that nobody has used for so long goes away; 0: never. @default 0 */
  readonly expiresMs: number;
  /** What becomes of events of a topic on which nobody has ever listened without a pool. @default keep */
  readonly unclaimedEvents: "keep" | "drop";
}

const schema = z.object({
  tls: flag(false),
  tlsCaFile: z.string().min(1).optional(),
  tlsCertFile: z.string().min(1).optional(),
  tlsKeyFile: z.string().min(1).optional(),
  tlsServerName: z.string().min(1).optional(),
  login: word(["plain", "amqplain", "external"]).default("plain"),
  failover: word(["shuffle", "in-turn"]).default("shuffle"),
  heartbeatMs: milliseconds(1_000, 10_000, 600_000).refine((ms) => ms % 1_000 === 0, "it must be whole seconds in ms"),
  reconnectMs: milliseconds(1, 100),
  reconnectMaxMs: milliseconds(1, 2_000),
  maxMessageBytes: count(256, 16 * 1024 * 1024, 2 ** 28),
  queueMessages: count(1, 10_000),
  queueMiB: z.coerce.number().positive().default(64),
  clockToleranceMs: milliseconds(0, 1_000),
  idleChannelMs: milliseconds(1_000, 60_000),
  compression: word(["none", "zlib"]).default("none"),
  consumerTimeoutMs: milliseconds(0, 1_800_000),
  quorum: flag(RABBIT_TOPOLOGY.quorum),
  maxLength: count(1, RABBIT_TOPOLOGY.maxLength),
  maxEvents: count(1, RABBIT_TOPOLOGY.maxEvents),
  expiresMs: milliseconds(0, RABBIT_TOPOLOGY.expiresMs),
  unclaimedEvents: word(["keep", "drop"]).default("keep"),
});

/** For core, which refuses unknown options and names the nearest known one. */
export const rabbitSchema: z.ZodObject = schema;

/** The options of a URL that core has resolved; defaults where it has none. */
export function readRabbitQuery(options: Readonly<Record<string, unknown>>): RabbitQuery {
  return schema.parse(options);
}

/** What processes of one machine are told apart by, for names at the broker. */
export const HOST_NAME: string = hostname();
