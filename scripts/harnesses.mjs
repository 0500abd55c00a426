/** Which harness a URL of the command line means, for `npm run stress` and `npm run soak`. */
import { harnessFromUrl } from "@trunkline/conformance";
import { harness as fake } from "@trunkline/fake/conformance";
import { osloHarness, harness as rabbit } from "@trunkline/rabbit/conformance";
import { harness as zmq } from "@trunkline/zmq/conformance";

/** A scheme alone means the driver's own harness: `rabbit://` starts a RabbitMQ of its own, and breaks it. */
const OWN = { "fake://": fake, "zmq://": zmq, "rabbit://": rabbit, "rabbit+oslo://": osloHarness };

export const SCHEMES = Object.keys(OWN);

/** A whole URL is used as it is, its realm too: random names keep what runs apart, and nothing is broken on purpose. */
export function harnessOf(url) {
  if (Object.hasOwn(OWN, url)) return OWN[url];
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(url)) throw new Error(`${url} is no URL; try one of ${SCHEMES.join(" ")}`);
  return harnessFromUrl(url, { spaces: "names" });
}

/** A number above 0 of the command line. */
export function readNumber(name, text, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} must be a number above 0, got ${text}`);
  return value;
}

/** Rows under a heading, each column as wide as its widest cell. */
export function table(heading, rows) {
  const all = [heading, ...rows].map((row) => row.map(String));
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One line that is written over on a terminal, and lines of their own elsewhere. */
export function progressLine(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  else process.stderr.write(`${text}\n`);
}

export function endProgress() {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
}
