/** What the broker tells of an AMQP connection. */
export interface ConnectionRow {
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly channels: number;
  readonly isTls: boolean;
  /** Of authentication: `PLAIN`, `EXTERNAL`, … */
  readonly mechanism: string;
  /** What the client says of itself: `connection_name`, `capabilities`, … */
  readonly clientProperties: Readonly<Record<string, unknown>>;
}

/** What the broker tells of a queue. */
export interface QueueRow {
  readonly name: string;
  /** `classic`, `quorum` or `stream`. */
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  /** Ready to be delivered, and delivered without a verdict yet. */
  readonly messages: number;
  /** Delivered without a verdict yet. */
  readonly messagesUnacknowledged: number;
  readonly consumers: number;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What the broker tells of an exchange. */
export interface ExchangeRow {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What the broker tells of a binding. */
export interface BindingRow {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: "queue" | "exchange";
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}
