import { InvalidTargetError } from "./errors.js";
import { nearestName } from "./nearest-name.js";

/**
 * Whom a message is for, or what a server answers to (A1). Immutable; which fields matter depends on the role:
 *
 * - a client needs `topic`; `server` directs to one server, `fanout` to all, `namespace` and `version` say what is asked;
 * - a server needs `topic` and `server`;
 * - a notification listener needs `topic`;
 * - an endpoint's own `target` has `namespace` and `version` (what it implements).
 *
 * Names are compared whole and case-sensitive, 1 to 255 bytes of UTF-8 without control characters (A5).
 */
export interface Target {
  /** @default "default" (`openstack` on rabbit+oslo) */
  readonly exchange?: string;
  readonly topic?: string;
  readonly server?: string;
  readonly namespace?: string;
  /** `major.minor` or `major.minor.revision`. @default "1.0" */
  readonly version?: string;
  readonly fanout?: boolean;
}

/** The longest name in bytes of UTF-8 (A5). */
export const MAX_NAME_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const encoder = new TextEncoder();

/**
 * Returns the name if it keeps A5.
 * @throws InvalidTargetError naming `role` (`topic`, `server`, …) and the rule that is broken.
 */
export function checkName(role: string, name: unknown): string {
  if (typeof name !== "string") throw new InvalidTargetError(`${role} must be a string, got ${describe(name)}`);
  if (name.length === 0) throw new InvalidTargetError(`${role} must not be empty`);
  if (!name.isWellFormed()) throw new InvalidTargetError(`${role} holds a lone surrogate, which UTF-8 cannot carry`);
  if (CONTROL_CHARACTER.test(name)) {
    throw new InvalidTargetError(`${role} ${JSON.stringify(name)} holds a control character; names are plain text`);
  }
  const bytes = name.length > MAX_NAME_BYTES / 4 ? encoder.encode(name).length : 1;
  if (bytes > MAX_NAME_BYTES) {
    throw new InvalidTargetError(`${role} is ${bytes} bytes of UTF-8; at most ${MAX_NAME_BYTES} are allowed`);
  }
  return name;
}

/** What a {@link Target} may have. */
export const TARGET_FIELDS: readonly (keyof Target)[] = [
  "exchange",
  "topic",
  "server",
  "namespace",
  "version",
  "fanout",
];

/** Whether it is the name of a field of {@link Target}. */
export function isTargetField(name: string): boolean {
  return TARGET_FIELDS.some((field) => field === name);
}

/**
 * Returns a frozen copy that holds only the fields that are set, each checked.
 * @throws InvalidTargetError for a bad name, an unknown field, or a fanout target that names a server.
 */
export function checkTarget(target: Target): Target {
  if (typeof target !== "object" || target === null || Array.isArray(target)) {
    throw new InvalidTargetError(`a target must be an object such as { topic: "compute" }, got ${describe(target)}`);
  }
  for (const field of Object.keys(target)) {
    if (isTargetField(field)) continue;
    const meant = nearestName(field, TARGET_FIELDS);
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    throw new InvalidTargetError(
      `a target has no field ${JSON.stringify(field)}${hint}; it has ${TARGET_FIELDS.join(", ")}`,
    );
  }
  if (target.fanout !== undefined && typeof target.fanout !== "boolean") {
    throw new InvalidTargetError(`fanout must be true or false, got ${describe(target.fanout)}`);
  }
  if (target.fanout === true && target.server !== undefined) {
    throw new InvalidTargetError("a fanout target reaches every server; leave out `server` or `fanout`");
  }
  return Object.freeze({
    ...(target.exchange === undefined ? {} : { exchange: checkName("exchange", target.exchange) }),
    ...(target.topic === undefined ? {} : { topic: checkName("topic", target.topic) }),
    ...(target.server === undefined ? {} : { server: checkName("server", target.server) }),
    ...(target.namespace === undefined ? {} : { namespace: checkName("namespace", target.namespace) }),
    ...(target.version === undefined ? {} : { version: target.version }),
    ...(target.fanout === true ? { fanout: true } : {}),
  });
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? JSON.stringify(value) : typeof value;
}
