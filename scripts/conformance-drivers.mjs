/** The drivers of this repository, as the conformance kit and the tables of the docs see them. */

/** What each needs beside this repository is in `needs`: a broker of `npm run brokers`. */
export const DRIVERS = {
  fake: { url: "fake://", entry: "@trunkline/fake", harness: "harness" },
  zmq: { url: "zmq://", entry: "@trunkline/zmq", harness: "harness" },
  rabbit: { url: "rabbit://", entry: "@trunkline/rabbit", harness: "harness", needs: "rabbit" },
  "rabbit+oslo": { url: "rabbit+oslo://", entry: "@trunkline/rabbit", harness: "osloHarness", needs: "rabbit" },
};

/** The harness that a driver's package has for the kit. */
export async function harnessOf(name) {
  const { entry, harness } = DRIVERS[name];
  return (await import(`${entry}/conformance`))[harness];
}

/** The manifest of a driver's plainest URL. No backend is asked. */
export async function manifestOf(name) {
  const { url, entry } = DRIVERS[name];
  const { parseTransportUrl, withOptions } = await import("@trunkline/core/driver");
  const { driver } = await import(entry);
  return driver.capabilities(withOptions(parseTransportUrl(url), driver));
}

/**
 * Why a driver cannot be tested here, or undefined. What `TRUNKLINE_REQUIRE` names is tested, and fails. `findServer` says
 * where its broker's program is, in place of the driver's own testing tools.
 */
export async function whyNot(name, { required = process.env.TRUNKLINE_REQUIRE ?? "", findServer } = {}) {
  const { needs } = DRIVERS[name];
  if (needs === undefined || required.split(",").includes(needs)) return undefined;
  const find = findServer ?? (await import("@trunkline/rabbit/testing")).PrivateRabbit.findServer;
  return find() === undefined ? `NO RABBITMQ: ${name} IS NOT TESTED; npm run brokers -- install ${needs}` : undefined;
}
