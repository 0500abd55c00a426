/** What `npm run stress` and `npm run soak` share: which harness a URL of the command line means, and how what is wrong is told. */
import { harnessFromUrl } from "@trunkline/conformance";
import { DriverNotFoundError, InvalidTransportUrlError } from "@trunkline/core";
import { harness as fake } from "@trunkline/fake/conformance";
import { osloHarness, harness as rabbit } from "@trunkline/rabbit/conformance";
import { libzmqHarness, harness as zmq, zmtpHarness } from "@trunkline/zmq/conformance";
import { whyNot } from "./conformance-drivers.mjs";

/** A scheme alone means the driver's own harness: `rabbit://` starts a RabbitMQ of its own, and breaks it. */
const OWN = { "fake://": fake, "zmq://": zmq, "rabbit://": rabbit, "rabbit+oslo://": osloHarness };
const OWN_ENGINES = { "zmq://?engine=libzmq": libzmqHarness, "zmq://?engine=zmtp": zmtpHarness };

export const SCHEMES = Object.keys(OWN);

/** Something on the command line is not as it must be: one line says what, and what to do. */
export class WrongUsage extends Error {}

/**
 * A whole URL is used as it is, its realm too: random names keep what runs apart, and nothing is broken on purpose.
 * @throws WrongUsage
 */
export async function harnessOf(url) {
  if (Object.hasOwn(OWN, url)) {
    const reason = await whyNot(url.replace("://", ""), { required: "" });
    if (reason !== undefined) throw new WrongUsage(reason);
    return OWN[url];
  }
  if (Object.hasOwn(OWN_ENGINES, url)) return OWN_ENGINES[url];
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(url)) {
    throw new WrongUsage(`${JSON.stringify(url)} is no URL; try one of ${SCHEMES.join(" ")}`);
  }
  return harnessFromUrl(url, { spaces: "names" });
}

/** A number above 0 of the command line. @throws WrongUsage */
export function readNumber(name, text, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new WrongUsage(`--${name} must be a number above 0, got ${text}`);
  return value;
}

/** A seed of the command line, or one at random. @throws WrongUsage */
export function readSeed(text) {
  if (text === undefined) return Math.floor(Math.random() * 2 ** 31);
  if (!/^\d{1,10}$/.test(text)) throw new WrongUsage(`--seed must be a whole number, got ${text}`);
  return Number(text);
}

/** `main` resolves with the exit code. What is wrong with the command line is told in a line, with `usage` below, and is exit code 2. */
export async function runCommand(usage, main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    endProgress();
    const isUsage = error instanceof WrongUsage || String(error?.code).startsWith("ERR_PARSE_ARGS");
    const isAddress = error instanceof DriverNotFoundError || error instanceof InvalidTransportUrlError;
    if (!isUsage && !isAddress) throw error;
    console.error(`${error.message}\n${usage}`);
    process.exitCode = 2;
  }
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
