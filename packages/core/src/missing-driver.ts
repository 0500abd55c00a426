/** The words for a URL whose driver is not there: what to install, and what was probably meant. */
import { nearestName } from "./nearest-name.js";

/** The schemes of the drivers that are published beside core: only for hints. */
const PUBLISHED: readonly string[] = ["zmq", "rabbit", "fake"];

/** What people write for them. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["zeromq", "zmq"],
  ["tcp", "zmq"],
  ["ipc", "zmq"],
  ["rabbitmq", "rabbit"],
  ["amqp", "rabbit"],
  ["amqps", "rabbit"],
  ["kombu", "rabbit"],
  ["memory", "fake"],
  ["inproc", "fake"],
]);

/**
 * What to say of a scheme that has no driver; `own` are the schemes that the application has registered. It never names a
 * package of which nobody knows whether it exists.
 */
export function describeMissingDriver(scheme: string, own: readonly string[]): string {
  const text = `there is no driver for "${scheme}://"`;
  // Who registers drivers is told where to add one; the others may have no program to do so in, as at the command line.
  const or = own.length === 0 ? "" : ", or pass the driver in options.drivers";
  if (PUBLISHED.includes(scheme)) return `${text}: it is not installed; npm install @trunkline/${scheme}${or}`;
  const meant = OTHER_NAMES.get(scheme) ?? nearestName(scheme, [...own, ...PUBLISHED]);
  const published = PUBLISHED.map((name) => `${name}://`).join(", ");
  const hint = meant === undefined ? `this edition has ${published}; ` : `did you mean "${meant}://"? If not, `;
  const rule = `a driver is found as the package @trunkline/<scheme>, then trunkline-driver-<scheme>, and no such package is installed${or}`;
  return `${text}: ${hint}${rule}`;
}
