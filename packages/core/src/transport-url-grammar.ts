/** The grammar of transport URLs (`docs/transport-url.md`): from text to parts, with every problem on the way. */
import { isIPv6 } from "node:net";
import { checkName } from "./target.js";

export interface HostParts {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export interface UrlParts {
  readonly scheme: string;
  readonly variant?: string | undefined;
  readonly hosts: readonly HostParts[];
  readonly realm: string;
  readonly query: Readonly<Record<string, string>>;
}

/** Every problem found so far. Texts never quote what might be a piece of a password: everything before the realm. */
export type Problems = { readonly part: string; readonly text: string }[];

/** Reads what it can and adds what it cannot to `problems`; where there is one, the parts mean nothing. */
export function readUrl(text: string, problems: Problems): UrlParts {
  const separator = text.indexOf("://");
  const { scheme, variant } = readScheme(separator < 0 ? undefined : text.slice(0, separator), problems);
  const rest = separator < 0 ? "" : text.slice(separator + 3);
  const add = (part: string, problem: string): void => {
    problems.push({ part, text: problem });
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\u0000-\u001f\u007f]/.test(text))
    add("url", "it holds a space, a line end or a control character; remove it, or write a space as %20");
  if (!text.isWellFormed()) add("url", "it holds a lone surrogate, which no encoding can carry; remove it");
  if (rest.includes("#")) add("url", 'it holds a "#"; write it as %23 (there are no fragments here)');
  const hostsEnd = rest.search(/[/?#]/);
  const authority = hostsEnd < 0 ? rest : rest.slice(0, hostsEnd);
  const tail = hostsEnd < 0 ? "" : rest.slice(hostsEnd);
  // Most likely a password with a bare "/" or "?": read on, its end would pass for a realm or option and be printed.
  if (tail.includes("@")) {
    add(
      "credentials",
      'there is an "@" behind the hosts; write it as %40, and "/", "?" or "#" in a password as %2F, %3F, %23',
    );
  }
  if (problems.length > 0) return { scheme, variant, hosts: [], realm: "", query: {} };
  const queryStart = tail.indexOf("?");
  const path = queryStart < 0 ? tail : tail.slice(0, queryStart);
  return {
    scheme,
    variant,
    hosts: Object.freeze(readHosts(authority, problems)),
    realm: readRealm(path, problems),
    query: Object.freeze(queryStart < 0 ? {} : readQuery(tail.slice(queryStart + 1), problems)),
  };
}

function readScheme(text: string | undefined, problems: Problems): { scheme: string; variant: string | undefined } {
  const plus = text?.indexOf("+") ?? -1;
  const scheme = (plus < 0 ? text : text?.slice(0, plus)) ?? "";
  const variant = plus < 0 ? undefined : text?.slice(plus + 1);
  // The text is not quoted: without "://" it may be anything, a bare password included.
  if (text === undefined) {
    problems.push({
      part: "scheme",
      text: 'there is no "://"; write driver://hosts/realm?option=value, of which only driver:// is required, as in "zmq://"',
    });
  } else if (!/^[a-z][a-z0-9]*$/.test(scheme)) {
    const hint = /^[a-z][a-z0-9]*$/.test(scheme.toLowerCase())
      ? `write it in lower case: ${scheme.toLowerCase()}://`
      : 'as in "zmq://"';
    problems.push({
      part: "scheme",
      text: `the driver's name must be a small letter, then small letters or digits; ${hint}`,
    });
  } else if (variant !== undefined && !/^[a-z][a-z0-9]*(?:[+.-][a-z0-9]+)*$/.test(variant)) {
    problems.push({
      part: "scheme",
      text: `after ${scheme}+ comes a variant in small letters and digits, as in "zmq+redis://"; or drop the "+"`,
    });
  }
  return { scheme, variant };
}

function readHosts(authority: string, problems: Problems): HostParts[] {
  if (authority === "") return [];
  const texts = authority.split(",");
  return texts.map((text, index) => {
    const which = texts.length === 1 ? "the host" : `host ${index + 1} of ${texts.length}`;
    return readHost(text, which, problems);
  });
}

const PASSWORD_HINT = 'in a user name or password write "," as %2C, ":" as %3A, "/" as %2F, "@" as %40';

function readHost(text: string, which: string, problems: Problems): HostParts {
  const at = text.lastIndexOf("@");
  const address = at < 0 ? text : text.slice(at + 1);
  const credentials = at < 0 ? "" : text.slice(0, at);
  const colon = credentials.indexOf(":");
  const userText = colon < 0 ? credentials : credentials.slice(0, colon);
  const passwordText = colon < 0 ? undefined : credentials.slice(colon + 1);
  const decoded = (value: string, name: string): string =>
    decode(value, "credentials", `${name} of ${which}`, problems);
  const { host, port } = readAddress(address, which, problems);
  return {
    host,
    port,
    user: credentials === "" ? undefined : decoded(userText, "the user name"),
    password: passwordText === undefined ? undefined : decoded(passwordText, "the password"),
  };
}

function readAddress(text: string, which: string, problems: Problems): { host: string; port: number | undefined } {
  const bad = (part: string, problem: string): void => {
    problems.push({ part, text: problem });
  };
  if (text.startsWith("[")) {
    const close = text.indexOf("]");
    if (close < 0) bad("host", `${which} begins with "[" and has no "]"; write IPv6 as [::1] or [::1]:5555`);
    const host = decode(close < 0 ? "::" : text.slice(1, close), "host", which, problems);
    if (!isIPv6(host)) bad("host", `${which} is no IPv6 address between its brackets; write it as in [::1]:5555`);
    const after = close < 0 ? "" : text.slice(close + 1);
    if (after !== "" && !after.startsWith(":"))
      bad("host", `${which} goes on after "]"; only ":" and a port may follow`);
    return { host, port: after.startsWith(":") ? readPort(after.slice(1), which, problems) : undefined };
  }
  const colon = text.indexOf(":");
  if (colon !== text.lastIndexOf(":")) {
    bad("host", `${which} has more than one ":"; write IPv6 in brackets, as in [::1]:5555 (${PASSWORD_HINT})`);
    return { host: "", port: undefined };
  }
  const host = decode(colon < 0 ? text : text.slice(0, colon), "host", which, problems);
  if (host === "") bad("host", `${which} has no name; write one, as in localhost:5555 (${PASSWORD_HINT})`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  else if (/[\s:[\]\u0000-\u001f\u007f]/.test(host))
    bad("host", `${which} has a space, colon, bracket or control character in its name`);
  return { host, port: colon < 0 ? undefined : readPort(text.slice(colon + 1), which, problems) };
}

function readPort(text: string, which: string, problems: Problems): number | undefined {
  if (text === "") return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  problems.push({ part: "port", text: `the port of ${which} must be a number from 0 to 65535 (${PASSWORD_HINT})` });
  return undefined;
}

function readRealm(path: string, problems: Problems): string {
  const realm = decode(path.slice(1), "realm", "the realm", problems);
  if (realm === "") return "";
  try {
    return checkName("the realm", realm);
  } catch (error) {
    problems.push({ part: "realm", text: error instanceof Error ? error.message : String(error) });
    return "";
  }
}

function readQuery(text: string, problems: Problems): Record<string, string> {
  const query = new Map<string, string>();
  for (const pair of text === "" ? [] : text.split("&")) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), "query", "an option's name", problems);
    const bad = (problem: string): void => {
      problems.push({ part: name === "" ? "query" : `option:${name}`, text: problem });
    };
    if (name === "") bad('there is an option without a name; write options as "?name=value&other=value"');
    else if (equals < 0) bad(`option ${quote(name)} has no value; write ${name}=…`);
    else if (query.has(name)) bad(`option ${quote(name)} is given twice; keep one`);
    else query.set(name, decode(pair.slice(equals + 1), `option:${name}`, `option ${quote(name)}`, problems));
  }
  return Object.fromEntries(query);
}

/** Percent-decodes. What cannot be decoded is a problem that names the part and does not quote it. */
function decode(text: string, part: string, what: string, problems: Problems): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The only failure is a bad sequence; its own message says no more than that.
    problems.push({ part, text: `${what} holds a "%" that begins no percent-encoded UTF-8; write a plain "%" as %25` });
    return "";
  }
}

export function quote(text: string): string {
  return JSON.stringify(text);
}
