/** What tests of drivers and applications need: a clock to turn by hand, waiting for facts instead of for time, and servers. */
export { type Deferred, deferred } from "./testing/deferred.js";
export { findProgram } from "./testing/find-program.js";
export { freePorts } from "./testing/free-ports.js";
export { ManualClock, type ManualClockOptions } from "./testing/manual-clock.js";
export {
  type ServiceCommand,
  type ServiceExit,
  type ServiceOptions,
  ServiceProcess,
  type TerminateOptions,
} from "./testing/service-process.js";
export { type UntilOptions, until } from "./testing/until.js";
