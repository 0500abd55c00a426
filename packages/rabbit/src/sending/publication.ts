import type { MessagingError } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Route } from "../topology/declarations.js";

/** One message on its way to the broker: told, once, how that went. */
export interface Publication {
  readonly route: Route;
  /** The AMQP `message_id`, by which a message that is given back is known. */
  readonly id: string;
  readonly body: Buffer;
  /** Asked for when it is written, since what is left of a deadline is less by then. */
  properties(): Options.Publish;
  /** The broker has it. */
  confirmed(): void;
  /** No queue takes it; the broker gave it back, and nobody has it. */
  returned(): void;
  /** The broker refused it (a full queue): no queue has it, or, of an exchange with several queues, one of them has not. */
  refused(): void;
  /** It was never written. */
  failed(error: MessagingError): void;
  /** It was written, and the connection or channel ended before the broker said a word. */
  doubtful(error: MessagingError): void;
}
