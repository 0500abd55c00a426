import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTransport, type Transport, type TransportOptions } from "@trunkline/core";
import { afterEach } from "vitest";
import { driver } from "../../src/index.js";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Something to be undone when the test is over; the last first. */
export function onTestEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

/** A runtime directory of the test's own, with a path short enough for sockets. */
export async function runtimeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tl-"));
  onTestEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A transport that is closed when the test is over. */
export async function opened(url: string, options: TransportOptions = {}): Promise<Transport> {
  const transport = await openTransport(url, { drivers: [driver], ...options });
  onTestEnd(() => transport.close());
  return transport;
}

/** The URL of a runtime directory. */
export function localUrl(directory: string, query = ""): string {
  return `zmq://?runtimeDir=${encodeURIComponent(directory)}${query === "" ? "" : `&${query}`}`;
}
