import { InvalidTransportUrlError } from "@trunkline/core/driver";
import type { Channel } from "amqplib";
import { describe, expect, test } from "vitest";
import type { QueueDeclaration } from "../../src/topology/declarations.js";
import { Declarer } from "../../src/topology/declare.js";

const EXCHANGE = { name: "x", type: "topic", durable: true, autoDelete: false } as const;
const QUEUE: QueueDeclaration = {
  name: "q",
  durable: true,
  autoDelete: false,
  arguments: { "x-expires": 5, "x-max-length": 9 },
};
const COUNTS = { queue: "q", messageCount: 3, consumerCount: 2 };

/** A channel that tells what is declared on it, until it fails. */
function channelThat(failure?: Error): { readonly channel: Channel; readonly told: unknown[] } {
  const told: unknown[] = [];
  const answer = <Answer>(said: unknown[], value: Answer): Promise<Answer> => {
    told.push(said);
    return failure === undefined ? Promise.resolve(value) : Promise.reject(failure);
  };
  const channel = {
    assertExchange: (...said: unknown[]) => answer(["exchange", ...said], {}),
    assertQueue: (...said: unknown[]) => answer(["queue", ...said], COUNTS),
    bindQueue: (...said: unknown[]) => answer(["bind", ...said], {}),
  };
  // Of the channel these are all that is used.
  return { channel: channel as unknown as Channel, told };
}

const refusedFor = (text: string, code = 406): Error => Object.assign(new Error(text), { code });
const optionOf = (argument: string): string | undefined => (argument === "x-expires" ? "ttl_option" : undefined);

test("a queue is declared with what it is bound to, and its counts are told", async () => {
  const { channel, told } = channelThat();
  const declarer = new Declarer(optionOf);
  const bindings = [
    { exchange: EXCHANGE, key: "a" },
    { exchange: EXCHANGE, key: "b" },
  ];
  expect(await declarer.boundQueue(channel, { queue: QUEUE, bindings })).toMatchObject({
    messageCount: 3,
    consumerCount: 2,
  });
  const queue = ["queue", "q", { durable: true, autoDelete: false, arguments: { "x-expires": 5, "x-max-length": 9 } }];
  const exchange = ["exchange", "x", "topic", { durable: true, autoDelete: false }];
  expect(told).toEqual([queue, exchange, ["bind", "q", "x", "a"], exchange, ["bind", "q", "x", "b"]]);
});

test("the library, which completes what it is given, gets a copy of the arguments", async () => {
  const channel = {
    assertQueue: (_name: string, options: { arguments: Record<string, unknown> }) => {
      options.arguments["x-more"] = true;
      return Promise.resolve(COUNTS);
    },
  };
  await new Declarer(optionOf).queue(channel as unknown as Channel, QUEUE);
  expect(QUEUE.arguments).not.toHaveProperty("x-more");
});

describe("what exists otherwise (406) is named, with both sides and what to do", () => {
  const declare = async (text: string, of: "queue" | "exchange" = "queue"): Promise<unknown> => {
    const declarer = new Declarer(optionOf);
    const { channel } = channelThat(refusedFor(text));
    const declaring = of === "queue" ? declarer.queue(channel, QUEUE) : declarer.exchange(channel, EXCHANGE);
    return declaring.catch((error: unknown) => error);
  };
  const words = (argument: string, ours: string, theirs: string, kind = "queue"): string =>
    `Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg '${argument}' for ${kind} 'q' in vhost '/': received ${ours} but current is ${theirs}"`;

  test("an argument that an option decides", async () => {
    const error = await declare(
      words("x-expires", "the value '5' of type 'signedint'", "the value '7' of type 'signedint'"),
    );
    expect(error).toBeInstanceOf(InvalidTransportUrlError);
    expect(error).toMatchObject({ part: "option:ttl_option" });
    expect(error).toMatchObject({
      message:
        "the queue \"q\" exists at rabbit with x-expires the value '7' of type 'signedint'; this process declares it with " +
        "durable=true, auto_delete=false, x-expires=5, x-max-length=9: set ttl_option in the URL as the other side has it, " +
        "or delete the queue once nobody uses it",
    });
  });

  test("an argument that none decides", async () => {
    const error = await declare(words("x-max-length", "the value '9' of type 'signedint'", "none"));
    expect(error).toMatchObject({
      part: "query",
      message: expect.stringMatching(/with x-max-length none; .*: let both declare it alike, or delete the queue/),
    });
  });

  test("an exchange", async () => {
    const error = await declare(words("type", "'topic'", "'fanout'", "exchange"), "exchange");
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^the exchange "x" exists at rabbit with type 'fanout'; .*type=topic, durable=true/,
      ),
    });
  });

  test("other words of the broker are repeated", async () => {
    const error = await declare("PRECONDITION_FAILED - something else");
    expect(error).toMatchObject({
      part: "query",
      message: expect.stringContaining("exists at rabbit otherwise (PRECONDITION_FAILED - something else)"),
    });
  });
});

test("every other failure stays what it is", async () => {
  for (const failure of [refusedFor("ACCESS_REFUSED", 403), new Error("channel closed")]) {
    const { channel } = channelThat(failure);
    const declarer = new Declarer(optionOf);
    await expect(declarer.queue(channel, QUEUE)).rejects.toBe(failure);
    await expect(declarer.exchange(channel, EXCHANGE)).rejects.toBe(failure);
  }
});
