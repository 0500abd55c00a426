/** `npm start`: a live table of the notifications that OpenStack's services emit. */
import {
  MessagingError,
  type NotificationEndpoint,
  type NotificationEvent,
  type NotificationListener,
  openTransport,
  PRIORITIES,
  type Transport,
} from "@trunkline/core";
import { type Arguments, readArguments, USAGE } from "./arguments.js";
import { createDisplay, type Display } from "./display.js";
import { Tally } from "./tally.js";

/** Resolves when it is over: so many events came, somebody pressed Ctrl-C, or nobody reads the output any more. */
async function run(given: Arguments): Promise<void> {
  const tally = new Tally(performance.now());
  const transports: Transport[] = [];
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const take = (event: NotificationEvent): void => {
    tally.add(event, performance.now());
    if (tally.events >= given.count) end();
  };
  try {
    const listeners: NotificationListener[] = [];
    for (const exchange of given.exchanges) {
      // A transport for each: oslo.messaging's queues are called by their topic alone, and one transport has one exchange for it.
      const transport = await openTransport(given.url, exchange === undefined ? {} : { exchange });
      transports.push(transport);
      listeners.push(await listen(transport, given, take));
    }
    console.error(`listening to ${given.topics.join(", ")}; Ctrl-C ends`);
    await show(tally, given, transports, Promise.race([ended, firstFailure(listeners)]), end);
  } finally {
    await Promise.all(transports.map((transport) => transport.close()));
  }
}

function listen(
  transport: Transport,
  { topics, pool }: Arguments,
  take: (event: NotificationEvent) => void,
): Promise<NotificationListener> {
  // A listener gets the priorities that its endpoint has methods for: here all.
  const endpoint: NotificationEndpoint = Object.fromEntries(PRIORITIES.map((priority) => [priority, take]));
  const targets = topics.map((topic) => ({ topic }));
  return transport.listen(targets, endpoint, pool === undefined ? {} : { pool });
}

/** Rejects with what ended one of them; until then nothing happens, also when they are stopped in peace. */
function firstFailure(listeners: readonly NotificationListener[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const { closed } of listeners) {
      void closed.then((failure) => {
        if (failure !== undefined) reject(failure);
      });
    }
  });
}

/** Shows the tally again and again until `over`. */
async function show(
  tally: Tally,
  { intervalMs, isJson }: Arguments,
  transports: readonly Transport[],
  over: Promise<void>,
  end: () => void,
): Promise<void> {
  const display = createDisplay(process.stdout, process.env, isJson);
  const summary = () => tally.summary(performance.now());
  for (const transport of transports) noteStates(transport, display);
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  process.stdout.on("error", end); // whoever read it has gone
  const timer = setInterval(() => display.show(summary()), intervalMs ?? (process.stdout.isTTY ? 1_000 : 10_000));
  try {
    display.show(summary());
    await over;
  } finally {
    clearInterval(timer);
    display.end(summary());
  }
}

/** The driver connects again by itself; meanwhile it is good to know why nothing moves. */
function noteStates({ events, url }: Transport, display: Display): void {
  events.on("status", ({ state, detail }) => {
    if (state !== "closed") display.note(`${url}: ${state}: ${detail}`);
  });
  events.on("warning", ({ message }) => display.note(`${url}: ${message}`));
}

async function main(words: readonly string[]): Promise<number> {
  let given: Arguments;
  try {
    given = readArguments(words);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  if (given.isHelp) {
    console.log(USAGE);
    return 0;
  }
  try {
    await run(given);
    return 0;
  } catch (error) {
    // What the SDK refuses says what to do; anything else is shown with where it came from.
    console.error(error instanceof MessagingError ? `${error.name}: ${error.message}` : error);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
