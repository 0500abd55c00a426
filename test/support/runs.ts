import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** The folders of one run: the runtime directory of its transports, and one for what its programs write. */
export interface RunFolders {
  readonly runtime: string;
  readonly records: string;
}

/** Removed when the test is over. Their paths are short enough for sockets. */
export async function runFolders(): Promise<RunFolders> {
  const folder = await mkdtemp(join(tmpdir(), "tl-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const folders = { runtime: join(folder, "run"), records: join(folder, "records") };
  for (const path of Object.values(folders)) await mkdir(path, { mode: 0o700 });
  return folders;
}

/** Of processes that find each other in a folder. */
export function localUrl(folders: RunFolders, query: Readonly<Record<string, string | number>> = {}): string {
  const options = Object.entries({ runtimeDir: folders.runtime, ...query });
  return `zmq://?${options.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}

/** The number that an environment variable holds. */
export function fromEnvironment(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isFinite(value)) throw new Error(`${name} must be a number`);
  return value;
}

/** The same seed gives the same load and the same faults: set TRUNKLINE_SEED to what a failed run printed. */
export function runSeed(): number {
  return fromEnvironment("TRUNKLINE_SEED", Math.floor(Math.random() * 2 ** 31));
}
