import type { LoginMechanism, TlsSettings } from "../connection/dial.js";
import type { BrokerHost, FailoverOrder } from "../connection/host-order.js";
import type { OsloTopologyOptions } from "../topology/oslo-naming.js";
import type { RabbitTopologyOptions } from "../topology/rabbit-naming.js";

/** Where the PEM files of TLS are; they are read when the transport opens. */
export interface TlsFiles extends Pick<TlsSettings, "checksHostName" | "serverName" | "minVersion"> {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** How long to wait between rounds of attempts to connect. `steps` are oslo.messaging's. */
export type Reconnection =
  | { readonly kind: "jitter"; readonly baseDelayMs: number; readonly maxDelayMs: number }
  | {
      readonly kind: "steps";
      readonly firstDelayMs: number;
      readonly splayMs: number;
      readonly baseDelayMs: number;
      readonly stepMs: number;
      readonly maxDelayMs: number;
    };

/** What both namings are told, resolved from the URL: made once, at the edge. */
export interface CommonSettings {
  readonly hosts: readonly BrokerHost[];
  readonly vhost: string;
  readonly login: LoginMechanism;
  readonly tls: TlsFiles | undefined;
  readonly heartbeatMs: number;
  readonly failover: FailoverOrder;
  readonly reconnection: Reconnection;
  readonly maxMessageBytes: number;
  readonly queueMessages: number;
  readonly queueMiB: number;
  readonly clockToleranceMs: number;
  readonly idleChannelMs: number;
  /** Bodies are sent compressed. */
  readonly compresses: boolean;
  /** For how long a reply is offered to a reply queue that is not there. */
  readonly replyRetryMs: number;
  /** What the broker allows a consumer to hold a message (`consumer_timeout`); 0: without end. */
  readonly consumerTimeoutMs: number;
}

/** `rabbit://`: durable, and all clauses. */
export interface RabbitSettings extends CommonSettings {
  readonly naming: "rabbit";
  readonly topology: RabbitTopologyOptions;
}

/** `rabbit+oslo://`: oslo.messaging's own names and wire behaviour. */
export interface OsloSettings extends CommonSettings {
  readonly naming: "oslo";
  readonly topology: OsloTopologyOptions;
  /** How many messages of one queue the broker hands over; 0: as many as a server's credit says. */
  readonly prefetch: number;
  /** Replies that nobody takes are given back by the broker, and offered again. */
  readonly hasMandatoryReplies: boolean;
}

export type Settings = RabbitSettings | OsloSettings;
