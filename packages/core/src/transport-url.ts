import type { z } from "zod";
import { InvalidTransportUrlError } from "./errors.js";
import { nearestName } from "./nearest-name.js";
import { looksSecret } from "./secret-names.js";
import { type HostParts, type Problems, quote, readUrl, type UrlParts } from "./transport-url-grammar.js";

/** One host of a transport URL (`docs/transport-url.md`), with credentials of its own where it has any. */
export interface TransportUrlHost {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
}

/** Which backend, how to reach it, and what it is told. Made by {@link parseTransportUrl}; immutable. */
export interface TransportUrl {
  readonly scheme: string;
  readonly variant?: string;
  readonly hosts: readonly TransportUrlHost[];
  /** The path without its first `/`, percent-decoded; empty by default. */
  readonly realm: string;
  /** The query as written, before the driver's schema. */
  readonly query: Readonly<Record<string, string>>;
  /** The query after the driver's schema: coerced, with defaults. Empty until core has resolved the driver. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Without credentials (F4): safe for logs, errors and titles. */
  toString(): string;
  /** With credentials, every part percent-encoded as needed; parses to an equal URL. */
  toSecretString(): string;
}

/** What `console.log` and `util.inspect` ask an object for; named so that nothing of Node's is needed to say it. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** What stands in the place of a secret option's value in {@link TransportUrl.toString}. */
const HIDDEN = "***";

const NO_OPTIONS: Readonly<Record<string, unknown>> = Object.freeze({});

/** One host. Its credentials can be read by name, and are left out of spreads, JSON, inspection and string (F4). */
class ParsedHost implements TransportUrlHost {
  readonly host: string;
  declare readonly port?: number;
  declare readonly user?: string;
  declare readonly password?: string;

  constructor(parts: HostParts) {
    this.host = parts.host;
    if (parts.port !== undefined) this.port = parts.port;
    const { user, password } = parts;
    // An accessor over the closure: even an inspection that shows hidden properties and getters' names shows no value.
    if (user !== undefined) Object.defineProperty(this, "user", { get: () => user });
    if (password !== undefined) Object.defineProperty(this, "password", { get: () => password });
    Object.freeze(this);
  }

  toString(): string {
    const shown = this.host.includes(":") ? `[${this.host.replaceAll("%", "%25")}]` : encodeURIComponent(this.host);
    return this.port === undefined ? shown : `${shown}:${this.port}`;
  }

  toSecretString(): string {
    const password = this.password === undefined ? "" : `:${encodeURIComponent(this.password)}`;
    return this.user === undefined ? this.toString() : `${encodeURIComponent(this.user)}${password}@${this.toString()}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return this.toString();
  }
}

class ParsedUrl implements TransportUrl {
  readonly scheme: string;
  declare readonly variant?: string;
  readonly hosts: readonly ParsedHost[];
  readonly realm: string;
  /** Getters of the instance, not fields: an option may hold a secret too. */
  declare readonly query: Readonly<Record<string, string>>;
  declare readonly options: Readonly<Record<string, unknown>>;

  constructor(parts: UrlParts, options: Readonly<Record<string, unknown>>) {
    this.scheme = parts.scheme;
    if (parts.variant !== undefined) this.variant = parts.variant;
    this.hosts = Object.freeze(parts.hosts.map((host) => new ParsedHost(host)));
    this.realm = parts.realm;
    const query = Object.freeze({ ...parts.query });
    // An option may hold a secret too, so these are kept out of spreads and inspection as credentials are.
    Object.defineProperty(this, "query", { get: () => query });
    Object.defineProperty(this, "options", { get: () => options });
    Object.freeze(this);
  }

  toString(): string {
    return this.#write(
      (host) => host.toString(),
      (name, value) => (looksSecret(name) ? HIDDEN : encodeURIComponent(value)),
    );
  }

  toSecretString(): string {
    return this.#write(
      (host) => host.toSecretString(),
      (_name, value) => encodeURIComponent(value),
    );
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `TransportUrl <${this.toString()}>`;
  }

  #write(writeHost: (host: ParsedHost) => string, writeValue: (name: string, value: string) => string): string {
    const variant = this.variant === undefined ? "" : `+${this.variant}`;
    const realm = this.realm === "" ? "" : `/${encodeURIComponent(this.realm)}`;
    const pairs = Object.entries(this.query).map(
      ([name, value]) => `${encodeURIComponent(name)}=${writeValue(name, value)}`,
    );
    const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
    return `${this.scheme}${variant}://${this.hosts.map(writeHost).join(",")}${realm}${query}`;
  }
}

/**
 * Reads `driver[+variant]://[user[:password]@][host[:port][,…]][/realm][?option=value]`. The result is frozen; its `options`
 * stay empty until {@link withOptions} has checked the query.
 *
 * Every part may be percent-encoded, and `@`, `,`, `/`, `?`, `#`, `%` must be inside user names and passwords (`@` is tolerated
 * there). A `+` is a plus.
 * @throws InvalidTransportUrlError with `part` of the first problem and a message with all of them, which never holds a
 * password.
 */
export function parseTransportUrl(text: string): TransportUrl {
  if (typeof text !== "string") {
    const got = text === null ? "null" : typeof text;
    throw new InvalidTransportUrlError(`a transport URL must be a string such as "zmq://", got ${got}`, "url");
  }
  const problems: Problems = [];
  const parts = readUrl(text, problems);
  refuseIfAny(problems);
  return new ParsedUrl(parts, NO_OPTIONS);
}

/** What {@link withOptions} needs of a `DriverFactory`. */
export interface OptionSchema {
  readonly scheme: string;
  readonly options: z.ZodObject;
  optionsOf?(url: TransportUrl): z.ZodObject;
}

/**
 * Returns the URL with `options` filled: its query checked and coerced by the driver's schema, defaults included.
 * @throws InvalidTransportUrlError naming every unknown option (with the nearest known name) and every bad value at once;
 * `part` is `option:<name>` of the first.
 */
export function withOptions(url: TransportUrl, factory: OptionSchema): TransportUrl {
  const problems: Problems = [];
  const schema = factory.optionsOf?.(url) ?? factory.options;
  const known = Object.keys(schema.shape);
  const knownQuery: [string, string][] = [];
  for (const [name, value] of Object.entries(url.query)) {
    if (known.includes(name)) knownQuery.push([name, value]);
    else problems.push({ part: `option:${name}`, text: unknownOption(name, known, schemeOf(url)) });
  }
  const parsed = schema.safeParse(Object.fromEntries(knownQuery));
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    const name = issue.path[0];
    if (name === undefined) problems.push({ part: "query", text: issue.message });
    else
      problems.push({ part: `option:${String(name)}`, text: badOption(String(name), url.query[String(name)], issue) });
  }
  refuseIfAny(problems);
  const options = Object.freeze({ ...parsed.data });
  return new ParsedUrl(url, options);
}

function schemeOf({ scheme, variant }: TransportUrl): string {
  return variant === undefined ? scheme : `${scheme}+${variant}`;
}

function badOption(name: string, written: string | undefined, issue: z.core.$ZodIssue): string {
  // A schema's own message might quote the value.
  if (looksSecret(name)) return `option ${quote(name)}: its value is not what the driver takes`;
  const option = written === undefined ? `option ${quote(name)}` : `option ${name}=${shown(written)}`;
  return `${option}: ${describeIssue(issue)}`;
}

/** The longest value that is repeated whole; a typing error can be seen in less. */
const LONGEST_SHOWN = 60;

/** A value as it was written, in quotes where its end or what it holds could not be seen otherwise. */
function shown(value: string): string {
  if (value.length > LONGEST_SHOWN) return `${quote(value.slice(0, LONGEST_SHOWN))}…`;
  return /^[!-~]+$/.test(value) ? value : quote(value);
}

/** The query holds only texts, so that "received NaN" would speak of what nobody wrote. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const isKindOnly = issue.code === "invalid_type" && /^Invalid input: expected (number|int)\b/.test(issue.message);
  if (!isKindOnly) return issue.message;
  return issue.expected === "int" ? "it must be a whole number" : "it must be a number";
}

function unknownOption(name: string, known: readonly string[], scheme: string): string {
  const nearest = nearestName(name, known);
  const help =
    nearest !== undefined
      ? `did you mean ${quote(nearest)}?`
      : known.length === 0
        ? `${scheme} has no options; remove it`
        : `${scheme} knows ${known.join(", ")}`;
  return `unknown option ${quote(name)}: ${help}`;
}

function refuseIfAny(problems: Problems): void {
  const first = problems[0];
  if (first === undefined) return;
  const text = problems.map((problem) => problem.text).join("; ");
  throw new InvalidTransportUrlError(`invalid transport URL: ${text}`, first.part);
}
