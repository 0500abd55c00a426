import type { ConformanceHarness } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { fakeBus } from "./controls.js";
import { driver } from "./fake-factory.js";
import { PINNED_CLAIMS } from "./pinned-claims.js";

const BUS = "conformance";

/** A bus that is cut for good: opening a transport on it fails once `connectTimeoutMs` is over (E1). */
const DEAD_BUS = "conformance-dead";

/** A password that nobody asks for. */
const PASSWORD = "kits-own-password";

/** The fake driver for the conformance kit: a space is a realm of one bus, and there are no worker processes. */
export const harness: ConformanceHarness = {
  name: driver.name,
  claims: PINNED_CLAIMS,
  versions: async () => ({ [driver.name]: driver.version }),
  isolatesSpaces: true,
  isBrokerless: true,
  offers: ["credentials", "tls"],
  secrets: [PASSWORD],
  createTransport({ space, options, credentials, tls }) {
    const user = credentials === undefined ? "" : `kit:${PASSWORD}@`;
    const query = tls === undefined ? "" : "?tls=true";
    const url = `fake://${user}${BUS}/${encodeURIComponent(space)}${query}`;
    return openTransport(url, { ...options, drivers: [driver] });
  },
  createDeadTransport(options) {
    fakeBus(DEAD_BUS).cut();
    return openTransport(`fake://${DEAD_BUS}`, { ...options, drivers: [driver] });
  },
  async cutLinks() {
    const bus = fakeBus(BUS);
    bus.cut();
    // What a driver does about it at once, it has done by then.
    await new Promise((resolve) => setImmediate(resolve));
    bus.reset();
  },
};
