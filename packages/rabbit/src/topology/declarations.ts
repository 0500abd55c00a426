/** What is declared at the broker, as data: one place says it, and everybody who needs it declares the same. */

/** The values that an argument of a queue or exchange may have here. */
export type ArgumentValue = string | number | boolean;

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: "topic" | "fanout" | "direct";
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

export interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, ArgumentValue>>;
}

/** A queue, and what flows into it beside what is sent to it by its own name. */
export interface BoundQueue {
  readonly queue: QueueDeclaration;
  readonly bindings: readonly Binding[];
}

export interface Binding {
  readonly exchange: ExchangeDeclaration;
  readonly key: string;
}

/** Where a message is published. */
export interface Route {
  /** Undefined is the broker's default exchange, which takes the name of a queue for its key. */
  readonly exchange: ExchangeDeclaration | undefined;
  readonly key: string;
  /** What its sender declares as well, so that the message has where to wait. */
  readonly queues: readonly BoundQueue[];
  /** For how long a declaration of these holds: a queue that goes when it is idle goes though it is sent to. @default for ever */
  readonly declaredForMs?: number;
  /** The broker gives it back where no queue takes it. */
  readonly isMandatory: boolean;
  /** What waits for it in a queue outlives the broker. */
  readonly isPersistent: boolean;
  /** For people: whom it is for. */
  readonly name: string;
}

/** What a queue of a server or listener holds. */
export type SourceKind = "call" | "cast" | "rpc" | "fanout" | "event";

/** A queue that a server or listener takes from. */
export interface Source extends BoundQueue {
  readonly kind: SourceKind;
  /** What is in it was sent to: the topic, the server, or every server. */
  readonly scope: "topic" | "server" | "fanout";
  /** Nobody but this one server takes from it, and it goes with it. */
  readonly isOwn: boolean;
  /** Arguments of the consumer. */
  readonly consumerArguments: Readonly<Record<string, ArgumentValue>>;
}
