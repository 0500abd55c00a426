import { inspect } from "node:util";

/** What a case throws when a promise is broken. The message speaks of messages, servers and clauses. */
export class ConformanceFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConformanceFailure";
  }
}

/** Ends the case: a promise is broken. @throws ConformanceFailure */
export function fail(message: string): never {
  throw new ConformanceFailure(message);
}

/** That `condition` holds. @throws ConformanceFailure with `message`. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/** That two values of D2 are equal. @throws ConformanceFailure saying where they first differ. */
export function sameValue(what: string, actual: unknown, expected: unknown): void {
  const found = difference(actual, expected);
  if (found !== undefined) fail(`${what}: ${found}`);
}

/** That `actual` is not below `bound`. @throws ConformanceFailure */
export function atLeast(what: string, actual: number, bound: number): void {
  check(actual >= bound, `${what}: at least ${bound} expected, got ${actual}`);
}

/** That `actual` is not above `bound`, which `t.ms()` stretches on slow machines. @throws ConformanceFailure */
export function atMost(what: string, actual: number, bound: number): void {
  check(actual <= bound, `${what}: at most ${bound} expected, got ${actual}`);
}

/** A short rendering for messages. */
export function show(value: unknown): string {
  const text = inspect(value, {
    depth: 3,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 60,
    maxArrayLength: 12,
  });
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** All of a value that can be seen, for the search in it for what must not be there: causes and members too, none cut short. */
export function wholeText(value: unknown): string {
  // An error's message may have changed since its stack was written.
  const message = value instanceof Error ? value.message : "";
  return `${message}\n${inspect(value, { depth: 8, maxStringLength: null, maxArrayLength: null })}`;
}

/**
 * Where two values of D2 first differ, or undefined. Objects are compared by their own keys, whatever their prototype;
 * `undefined` members count as absent, and 0 equals -0 (D2 allows a backend's JSON to drop the sign).
 */
export function difference(actual: unknown, expected: unknown): string | undefined {
  // A walk with a stack of its own: payloads nest 1 000 deep, and a recursion here would test the kit, not the driver.
  const pending: { actual: unknown; expected: unknown; path: string }[] = [{ actual, expected, path: "" }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { actual: a, expected: e, path } = item;
    const at = path === "" ? "" : `at ${path.length > 80 ? `…${path.slice(-80)}` : path} `;
    const differs = `${at}expected ${show(e)}, got ${show(a)}`;
    if (a === e) continue;
    if (typeof a !== "object" || typeof e !== "object" || a === null || e === null) return differs;
    if (kindOf(a) !== kindOf(e)) return `${at}expected ${kindOf(e)}, got ${kindOf(a)}: ${show(a)}`;
    if (e instanceof Uint8Array && a instanceof Uint8Array) {
      if (Buffer.compare(a, e) !== 0) return differs;
    } else if (e instanceof Date && a instanceof Date) {
      if (a.getTime() !== e.getTime()) return differs;
    } else if (Array.isArray(e) && Array.isArray(a)) {
      if (a.length !== e.length) return `${at}expected ${e.length} elements, got ${a.length}`;
      for (let index = e.length - 1; index >= 0; index--) {
        pending.push({ actual: a[index], expected: e[index], path: `${path}[${index}]` });
      }
    } else {
      const left = members(a);
      const right = members(e);
      for (const key of left.keys()) if (!right.has(key)) return `${at}has ${JSON.stringify(key)}, which was not sent`;
      for (const [key, value] of right) {
        if (!left.has(key)) return `${at}lacks ${JSON.stringify(key)}`;
        pending.push({ actual: left.get(key), expected: value, path: `${path}.${key}` });
      }
    }
  }
  return undefined;
}

function kindOf(value: object): string {
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Date) return "a Date";
  return Array.isArray(value) ? "an array" : "an object";
}

function members(value: object): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, member] of Object.entries(value)) if (member !== undefined) found.set(key, member);
  return found;
}
