import { InvalidArgumentError } from "../errors.js";
import type { Logger } from "../host.js";
import type { Priority } from "../seam.js";
import { looksSecret } from "../secret-names.js";
import type { Value } from "../value.js";
import type { NotificationEvent } from "./notification.js";
import type { NotificationSink } from "./sink.js";

/** Sends each event to the listeners of its topics. The default, and the one whose failure the emitter learns of. */
export function createMessagingSink(): NotificationSink {
  return { name: "messaging", isEssential: true, publish: (emission) => emission.send() };
}

/** Takes each event and does nothing. A notifier with this alone says so by `isEnabled`. */
export function createNoopSink(): NotificationSink {
  return { name: "noop", publish: () => undefined };
}

const LEVELS: Readonly<Record<Priority, keyof Logger>> = {
  audit: "info",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  critical: "error",
  sample: "info",
};

/**
 * Writes each event to a logger, at the level of its priority (audit and sample: info; critical: error). Values of payload members
 * whose names look secret are written as `***`; the context is not written.
 * @param options.logger @default the transport's
 */
export function createLogSink(options: { readonly logger?: Logger } = {}): NotificationSink {
  return {
    name: "log",
    publish({ event, topics, logger }) {
      const { publisherId, eventType, priority, messageId, timestamp } = event;
      const payload = masked(event.payload, 0);
      const fields = { publisherId, eventType, priority, payload, messageId, timestamp, topics };
      (options.logger ?? logger)[LEVELS[priority]](`notification ${eventType}`, fields);
      return undefined;
    },
  };
}

/** Deeper than any event that a person would read in a log, and shallower than any stack. */
const DEEPEST_LOGGED = 32;

function masked(value: Value | undefined, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (depth === DEEPEST_LOGGED) return "…";
  if (Array.isArray(value)) return value.map((item: Value) => masked(item, depth + 1));
  const entries = Object.entries<Value | undefined>(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, looksSecret(key) ? "***" : masked(item, depth + 1)]));
}

/** What a test sink keeps of one emission. */
export interface RecordedNotification extends NotificationEvent {
  readonly topics: readonly string[];
}

/** A sink that keeps copies of events in memory, for an application's own tests. */
export interface TestSink extends NotificationSink {
  /** Oldest first. */
  readonly events: readonly RecordedNotification[];
  /** How many of the oldest were given up for newer ones. */
  readonly dropped: number;
  reset(): void;
}

/**
 * A sink that keeps what it is given, for tests to look at; the oldest go first.
 * @param options.maxEvents how many it keeps at most. @default 1000
 */
export function createTestSink(options: { readonly maxEvents?: number } = {}): TestSink {
  const maxEvents = options.maxEvents ?? 1_000;
  if (!(Number.isSafeInteger(maxEvents) && maxEvents >= 1)) {
    throw new InvalidArgumentError(`maxEvents must be a whole number of at least 1, got ${String(maxEvents)}`);
  }
  const events: RecordedNotification[] = [];
  let dropped = 0;
  return {
    name: "test",
    get events() {
      return events;
    },
    get dropped() {
      return dropped;
    },
    reset() {
      events.length = 0;
      dropped = 0;
    },
    publish({ event, topics }) {
      events.push(structuredClone({ ...event, topics }));
      if (events.length > maxEvents) {
        events.shift();
        dropped += 1;
      }
      return undefined;
    },
  };
}
