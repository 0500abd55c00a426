import type { Logger } from "../host.js";
import type { Receipt } from "../seam.js";
import type { NotificationEvent } from "./notification.js";
import type { NotifyWarning } from "./ports.js";

/** One emission, as its sinks see it. */
export interface Emission {
  readonly event: NotificationEvent;
  readonly topics: readonly string[];
  /** Sends the event to every topic; resolves when each has accepted it. Encodes before it returns. */
  send(): Promise<Receipt>;
  readonly logger: Logger;
  /** Tells the application of something that went wrong and stops nobody. */
  warn(warning: NotifyWarning): void;
}

/** Where a notifier's events go: to listeners, to a log, to anything. */
export interface NotificationSink {
  /** For people, and for routing rules. */
  readonly name: string;
  /**
   * True where the emitter must learn that the sink failed: its promise rejects. False, the default: the failure is told as a
   * `warning`, and stops neither the other sinks nor the emitter.
   */
  readonly isEssential?: boolean;
  /** Called synchronously by `emit`, so that what it reads before its first `await` is what the emitter passed. */
  publish(emission: Emission): Promise<Receipt | undefined> | Receipt | undefined;
}

/**
 * Gives an emission to every sink, whatever becomes of the others, and adds up what was accepted.
 * @throws what the first essential sink failed with, once all are done; further failures are warned of.
 */
export async function publishToAll(sinks: readonly NotificationSink[], emission: Emission): Promise<Receipt> {
  const started = sinks.map((sink) => ({ sink, done: start(sink, emission) }));
  let accepted = 0;
  let lost = 0;
  let failure: { readonly error: unknown } | undefined;
  for (const { sink, done } of started) {
    try {
      const receipt = await done;
      accepted += receipt?.accepted ?? 0;
      lost += receipt?.lost ?? 0;
    } catch (error) {
      if (sink.isEssential === true && failure === undefined) failure = { error };
      else
        emission.warn({
          message: `the notification sink "${sink.name}" failed for ${emission.event.eventType}`,
          error,
        });
    }
  }
  if (failure !== undefined) throw failure.error;
  return { accepted, lost };
}

/** All run before the first is waited for, so a failure may come before anybody looks: it is kept from being unhandled. */
function start(sink: NotificationSink, emission: Emission): Promise<Receipt | undefined> {
  const done = (async () => await sink.publish(emission))();
  // Whoever awaits `done` still sees it reject.
  done.catch(() => {});
  return done;
}
