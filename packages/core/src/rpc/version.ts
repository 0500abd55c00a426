/** The version rule of B3 and B4. */
import { InvalidArgumentError } from "../errors.js";
import { describeGiven } from "../option-checks.js";

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
}

/** What an absent version means, on both sides (B3). */
export const DEFAULT_VERSION = "1.0";

const PATTERN = /^(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?$/;

/** The version's three numbers, or undefined where the text is none. */
export function readVersion(text: string): Version | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), revision: Number(match[3] ?? 0) };
}

/** As {@link readVersion} reads it; a revision of 0 is left out. */
export function writeVersion({ major, minor, revision }: Version): string {
  return revision === 0 ? `${major}.${minor}` : `${major}.${minor}.${revision}`;
}

/** For sorting, lowest first. */
export function compareVersions(one: Version, other: Version): number {
  return one.major - other.major || one.minor - other.minor || one.revision - other.revision;
}

/** @throws InvalidArgumentError naming `role` where the text is no version. */
export function parseVersion(role: string, text: unknown): Version {
  const version = typeof text === "string" ? readVersion(text) : undefined;
  if (version === undefined) {
    throw new InvalidArgumentError(
      `${role} must be "major.minor" or "major.minor.revision", got ${typeof text === "string" ? JSON.stringify(text) : describeGiven(text)}`,
    );
  }
  return version;
}

/** Whether a server at `implemented` takes a request at `requested`: same major, and no later minor and revision. */
export function isCompatible(requested: Version, implemented: Version): boolean {
  if (requested.major !== implemented.major) return false;
  if (requested.minor !== implemented.minor) return requested.minor < implemented.minor;
  return requested.revision <= implemented.revision;
}
