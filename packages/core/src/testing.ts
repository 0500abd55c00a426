/** What tests of drivers and applications need: a clock to turn by hand, and waiting for facts instead of for time. */
export { type Deferred, deferred } from "./testing/deferred.js";
export { ManualClock, type ManualClockOptions } from "./testing/manual-clock.js";
export { type UntilOptions, until } from "./testing/until.js";
