import type { DriverFactory, Outcome, ReplySink } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** An answer that waits for another to change places with. */
interface Held {
  readonly sink: ReplySink;
  readonly outcome: Outcome;
}

/** M05: swaps two replies: of two calls in flight each gets the other's answer. A call alone gets its own. */
export function swapReplies(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const inFlight = new Set<ReplySink>();
    let held: Held | undefined;
    const release = (): void => {
      const one = held;
      held = undefined;
      one?.sink.end(one.outcome);
    };
    const over = (sink: ReplySink): void => {
      inFlight.delete(sink);
      if (held?.sink === sink) held = undefined;
      if (inFlight.size === 0) release();
    };
    const answer = (sink: ReplySink, outcome: Outcome): void => {
      const other = held;
      inFlight.delete(sink);
      if (other !== undefined) {
        held = undefined;
        other.sink.end(outcome);
        sink.end(other.outcome);
      } else if (inFlight.size > 0) held = { sink, outcome };
      else sink.end(outcome);
    };
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        inFlight.add(sink);
        const swapping: ReplySink = {
          accepted: (peer) => sink.accepted(peer),
          beat: () => sink.beat(),
          item: (value) => sink.item(value),
          end: (outcome) => answer(sink, outcome),
          lost(error, mayHaveRun) {
            over(sink);
            sink.lost(error, mayHaveRun);
          },
        };
        const handle = driver.call(to, request, swapping, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            over(sink);
            return handle.cancel(reason);
          },
        };
      },
    });
  });
}
