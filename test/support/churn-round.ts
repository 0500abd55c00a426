import { expect } from "vitest";
import type { ChildProgram } from "./child-program.js";

export const MIB: number = 1024 * 1024;
const MESSAGES = 5_000;
const METHODS = 20_000;
const NAMES = 5_000;
const TRANSPORTS = 200;

/** What `test/full/programs/footprint.mjs` measures. */
export interface Footprint {
  readonly bytes: number;
  readonly openFiles: number;
  readonly gauges: readonly Readonly<Record<string, number>>[];
}

/**
 * Some traffic, and this share of 20 000 methods that nobody has, 5 000 topics and 5 000 servers that are not there, and 200
 * transports that are opened and closed.
 */
export async function churnRound(churn: ChildProgram, share: number): Promise<void> {
  await churn.ask("traffic", { messages: MESSAGES });
  expect(await churn.ask("methods", { names: METHODS * share })).toBe(METHODS * share);
  expect(await churn.ask("nobody", { names: NAMES * share })).toBe(2 * NAMES * share);
  await churn.ask("transports", { times: TRANSPORTS * share });
}
