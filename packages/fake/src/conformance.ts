import type { ConformanceHarness } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { fakeBus } from "./controls.js";
import { driver } from "./fake-factory.js";

/** A bus that is cut for good: opening a transport on it fails once `connectTimeoutMs` is over (E1). */
const DEAD_BUS = "conformance-dead";

/** The fake driver for the conformance kit: a space is a realm of one bus, and there are no worker processes. */
export const harness: ConformanceHarness = {
  name: driver.name,
  isolatesSpaces: true,
  isBrokerless: true,
  createTransport: ({ space, options }) =>
    openTransport(`fake://conformance/${encodeURIComponent(space)}`, { ...options, drivers: [driver] }),
  createDeadTransport(options) {
    fakeBus(DEAD_BUS).cut();
    return openTransport(`fake://${DEAD_BUS}`, { ...options, drivers: [driver] });
  },
};
