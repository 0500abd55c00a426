import {
  type NotificationEndpoint,
  type NotificationEvent,
  type NotificationListener,
  PRIORITIES,
  type Priority,
} from "@trunkline/core";
import type { Command } from "../arguments/command.js";
import { readPriorities } from "../arguments/priorities.js";
import { EXCHANGE, present, readCount, readTimeoutMs } from "../arguments/readers.js";
import { createEnding, type Ending } from "../ending.js";
import { EXIT_OK, EXIT_TIMEOUT } from "../exit-code.js";
import { sayReady } from "../say-ready.js";
import type { Terminal } from "../terminal.js";
import { withTransport } from "../with-transport.js";

/** How many events may wait here for a slow reader of stdout. */
const LARGEST_CREDIT = 256;

/** `listen` prints one JSON object a line for each event. */
export const listen: Command = {
  name: "listen",
  summary: "print the events of some topics, one JSON object a line",
  operands: [
    { name: "URL", kind: "required", help: "the transport, such as zmq://" },
    { name: "TOPIC", kind: "repeated", help: "what to listen on, such as notifications" },
  ],
  options: [
    { name: "pool", value: "NAME", help: "share the events with the other listeners of this pool" },
    { name: "priority", value: "P,…", help: `only these of ${PRIORITIES.join(", ")}; default all` },
    { name: "count", value: "N", help: "end after so many events" },
    { name: "timeout", value: "MS", help: "end after so many milliseconds; exit 3 if --count was not reached" },
    EXCHANGE,
  ],
  isEndless: true,
  example: "trunkline listen zmq:// notifications --pool audit --priority error,critical",

  async run(input, surroundings) {
    const count = readCount(input, "count");
    const timeoutMs = readTimeoutMs(input);
    const asked = input.optional("priority");
    const priorities = asked === undefined ? PRIORITIES : readPriorities("--priority", asked);
    const exchange = present({ exchange: input.optional("exchange") });
    return withTransport(input.required("URL"), surroundings, {}, async (transport) => {
      const { terminal } = surroundings;
      const ending = createEnding(surroundings.interrupted, terminal.readerGone);
      const printer = new Printer(terminal, count, ending);
      const listener = await transport.listen(
        input.repeated("TOPIC").map((topic) => ({ topic, ...exchange })),
        printer.endpoint(priorities),
        {
          ...present({ pool: input.optional("pool") }),
          // One at a time, so that lines come in the order of the events, and none is taken that will not be printed.
          concurrency: 1,
          credit: Math.min(LARGEST_CREDIT, count ?? LARGEST_CREDIT),
        },
      );
      printer.stopsWith(listener);
      await sayReady(transport, terminal, ending);
      const hasTimedOut = await untilEnded(listener, ending, timeoutMs);
      await listener.stop();
      const isShort = hasTimedOut && count !== undefined && printer.printed < count;
      if (isShort) terminal.say(shortfall(printer.printed, count, timeoutMs));
      return isShort ? EXIT_TIMEOUT : EXIT_OK;
    });
  },
};

/** Writes events as lines until it has written as many as were asked for. */
class Printer {
  readonly #terminal: Terminal;
  readonly #count: number;
  readonly #ending: Ending;
  readonly #listener: Promise<NotificationListener>;
  stopsWith: (listener: NotificationListener) => void = () => {};
  printed = 0;

  constructor(terminal: Terminal, count: number | undefined, ending: Ending) {
    this.#terminal = terminal;
    this.#count = count ?? Number.POSITIVE_INFINITY;
    this.#ending = ending;
    this.#listener = new Promise((resolve) => {
      this.stopsWith = resolve;
    });
  }

  endpoint(priorities: readonly Priority[]): NotificationEndpoint {
    const print = (event: NotificationEvent): Promise<void> => this.#print(event);
    return Object.fromEntries(priorities.map((priority) => [priority, print]));
  }

  async #print(event: NotificationEvent): Promise<void> {
    const { publisherId, eventType, priority, payload, context, messageId, timestamp } = event;
    await this.#terminal.resultLine({ publisherId, eventType, priority, payload, context, messageId, timestamp });
    this.printed += 1;
    if (this.printed < this.#count) return;
    // Intake ends before this handler does: what comes now goes to somebody else. Nobody waits here for `stop`, which waits for us.
    const listener = await this.#listener;
    void listener.stop();
    this.#ending.end();
  }
}

/** Resolves with whether the time was over first. Rejects with what ended the listener, if it was not this command. */
async function untilEnded(
  listener: NotificationListener,
  ending: Ending,
  timeoutMs: number | undefined,
): Promise<boolean> {
  let hasTimedOut = false;
  const expire = (): void => {
    hasTimedOut = true;
    ending.end();
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  try {
    const failure = await Promise.race([ending.wait, listener.closed]);
    if (failure !== undefined) throw failure;
    return hasTimedOut;
  } finally {
    clearTimeout(timer);
  }
}

function shortfall(printed: number, count: number, timeoutMs: number | undefined): string {
  return `trunkline listen: ${printed} of ${count} events came within ${timeoutMs} ms`;
}
