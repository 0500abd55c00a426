/** The in-memory driver: for one process, and for tests. */

export type { ArmedFault, Fault, FaultAction, FaultMatch } from "./bus/faults.js";
export type { MessageFacts, SentMessage } from "./bus/sent-log.js";
export { type FakeBus, fakeBus } from "./controls.js";
export { driver } from "./fake-factory.js";
export type { MessageKind } from "./link/frames.js";
export type { FakeOptions } from "./options.js";
