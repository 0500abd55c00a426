import { InvalidTransportUrlError, type MessagingError } from "@trunkline/core/driver";
import type { Channel } from "amqplib";
import { REPLY_CODE, replyCode, textOf } from "../connection/broker-error.js";
import type { ArgumentValue, BoundQueue, ExchangeDeclaration, QueueDeclaration } from "./declarations.js";

/** Which option of the URL decides an argument, or undefined where none does. */
export type OptionOf = (argument: string) => string | undefined;

/** What the broker tells of a queue as it is declared. */
export interface QueueCounts {
  readonly messageCount: number;
  readonly consumerCount: number;
}

/** Declares things on one channel, and says clearly what is wrong where another peer has declared them otherwise. */
export class Declarer {
  readonly #optionOf: OptionOf;

  constructor(optionOf: OptionOf) {
    this.#optionOf = optionOf;
  }

  /**
   * @throws InvalidTransportUrlError naming the exchange, both sides' arguments and the option, where it exists otherwise (406); else
   * what the library throws. The channel has ended then.
   */
  async exchange(channel: Channel, { name, type, durable, autoDelete }: ExchangeDeclaration): Promise<void> {
    try {
      await channel.assertExchange(name, type, { durable, autoDelete });
    } catch (error) {
      throw this.#explained(error, "exchange", name, { type, durable, auto_delete: autoDelete });
    }
  }

  /** As {@link exchange}, of a queue. */
  async queue(
    channel: Channel,
    { name, durable, autoDelete, arguments: given }: QueueDeclaration,
  ): Promise<QueueCounts> {
    try {
      return await channel.assertQueue(name, { durable, autoDelete, arguments: { ...given } });
    } catch (error) {
      throw this.#explained(error, "queue", name, { durable, auto_delete: autoDelete, ...given });
    }
  }

  /** The queue, what it is bound to, and the bindings. */
  async boundQueue(channel: Channel, { queue, bindings }: BoundQueue): Promise<QueueCounts> {
    const counts = await this.queue(channel, queue);
    for (const { exchange, key } of bindings) {
      await this.exchange(channel, exchange);
      await channel.bindQueue(queue.name, exchange.name, key);
    }
    return counts;
  }

  #explained(
    error: unknown,
    kind: "queue" | "exchange",
    name: string,
    ours: Readonly<Record<string, ArgumentValue>>,
  ): unknown {
    if (replyCode(error) !== REPLY_CODE.preconditionFailed) return error;
    return mismatch(error, kind, name, ours, this.#optionOf);
  }
}

/** The broker names the first argument that differs, and what it is there, in words that carry no code. */
const INEQUIVALENT = /inequivalent arg '([^']+)' .*received (.+?) but current is (.+?)(?:"|$)/;

function mismatch(
  error: unknown,
  kind: "queue" | "exchange",
  name: string,
  ours: Readonly<Record<string, ArgumentValue>>,
  optionOf: OptionOf,
): MessagingError {
  const [, argument, , theirs] = INEQUIVALENT.exec(textOf(error)) ?? [];
  const told = Object.entries(ours)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
  const option = argument === undefined ? undefined : optionOf(argument);
  const there = argument === undefined ? `otherwise (${textOf(error)})` : `with ${argument} ${theirs}`;
  const remedy =
    option === undefined
      ? `let both declare it alike, or delete the ${kind} once nobody uses it`
      : `set ${option} in the URL as the other side has it, or delete the ${kind} once nobody uses it`;
  return new InvalidTransportUrlError(
    `the ${kind} ${JSON.stringify(name)} exists at rabbit ${there}; this process declares it with ${told}: ${remedy}`,
    option === undefined ? "query" : `option:${option}`,
    { cause: error },
  );
}
