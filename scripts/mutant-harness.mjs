/** The harness of the broken drivers: the in-memory driver, whose links can be cut, behind a URL with a password. */
import { harnessFromUrl } from "@trunkline/conformance";
import { parseTransportUrl, withOptions } from "@trunkline/core/driver";
import { driver, fakeBus } from "@trunkline/fake";

/** With a password, for the mutant that tells it. */
const urlOf = (bus) => `fake://kit:s3cret-of-the-url@${bus}?discoveryMs=200`;
/** A bus that is cut for good. */
const DEAD_BUS = "mutants-dead";

/** Hopeless waits are cut short: a mutant is to fail by what it does, not by how long it takes. */
const HASTE = { waitMs: 1_200, idleMs: 250 };
/** The links of the in-memory driver come back at once: a mutant whose links do not is found out soon. */
const SOON = { recoveryMs: 1_000 };

/** The driver behind a door that lets everybody in: it takes no credentials, and never sees those of its URL. */
const behindOpenDoor = {
  ...driver,
  open: (url, host, options) => driver.open(withOptions(parseTransportUrl(url.toString()), driver), host, options),
};

/** A harness that opens transports of what `wrap` makes of the driver, on a bus that is theirs alone. */
export function harnessAround(wrap, bus, more) {
  return {
    ...harnessFromUrl(urlOf(bus), { drivers: [wrap(behindOpenDoor)], deadUrl: `fake://${DEAD_BUS}`, ...more }),
    isBrokerless: true,
    setup: async () => fakeBus(DEAD_BUS).cut(),
    teardown: async () => fakeBus(bus).reset(),
    async cutLinks() {
      fakeBus(bus).cut();
      // What a driver does about it at once, it has done by then.
      await new Promise((resolve) => setImmediate(resolve));
      fakeBus(bus).reset();
    },
  };
}

/** The harness of one mutant. */
export function harnessOf(mutant) {
  const own = driver.capabilities(withOptions(parseTransportUrl("fake://"), driver));
  const claims = mutant.claims?.(own) ?? SOON;
  return harnessAround((factory) => mutant.wrap(factory), mutant.name, { claims, timing: HASTE });
}
