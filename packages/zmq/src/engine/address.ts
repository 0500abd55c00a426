import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** An address that engines understand: `tcp://HOST:PORT` (IPv6 in brackets) or `ipc:///a/path`. */
export type EngineAddress =
  | { readonly transport: "tcp"; readonly host: string; readonly port: number }
  | { readonly transport: "ipc"; readonly path: string };

/** The kernel keeps a socket's path in 108 bytes, the last of which is a zero. */
export const MAX_IPC_PATH_BYTES = 107;

const TCP = /^tcp:\/\/(\[[^\]]+\]|[^:[\]/]+):(\d{1,5}|\*)$/u;

/**
 * Parses and checks an address before libzmq sees it, which takes port 99999 for 34463 and `1-5` for 1.
 * Port 0 (any free one) and the hosts `*` and `0.0.0.0` only make sense where `use` is `bind`.
 * Returns a sentence that says what is wrong with it, as a string.
 */
export function parseEngineAddress(address: string, use: "bind" | "dial"): EngineAddress | string {
  if (address.startsWith("ipc://")) {
    const path = address.slice("ipc://".length);
    const bytes = Buffer.byteLength(path);
    if (bytes === 0) return "it has no path";
    if (path.includes("\0")) return "its path has a zero character";
    if (bytes > MAX_IPC_PATH_BYTES) {
      return `its path has ${bytes} bytes, and the system takes at most ${MAX_IPC_PATH_BYTES} for a socket; use a shorter directory`;
    }
    return { transport: "ipc", path };
  }
  const match = TCP.exec(address);
  const bracketed = match?.[1];
  const digits = match?.[2];
  if (bracketed === undefined || digits === undefined) {
    return "an address is tcp://HOST:PORT with one port from 0 to 65535 (an IPv6 address in brackets), or ipc:///PATH";
  }
  const host = bracketed.startsWith("[") ? bracketed.slice(1, -1) : bracketed;
  if (bracketed.startsWith("[") && isIP(withoutZone(host)) !== 6) return `[${host}] is no IPv6 address`;
  if (/\s/u.test(host)) return `its host ${JSON.stringify(host)} has white space`;
  const port = digits === "*" ? 0 : Number(digits);
  if (port > 65_535) return `its port ${digits} is not between 0 and 65535`;
  if (use === "dial" && port === 0) return "a port to connect to is between 1 and 65535";
  if (use === "dial" && host === "*") return "* is no host to connect to";
  return { transport: "tcp", host, port };
}

/** `tcp://HOST:PORT`, with brackets where the host is an IPv6 address. */
export function tcpAddress(host: string, port: number): string {
  return host.includes(":") ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`;
}

/** One text for each way to write an address: names of hosts in lower case, IPv6 as RFC 5952 has it. Names are not looked up. */
export function canonicalAddress(address: string): string {
  const parsed = parseEngineAddress(address, "bind");
  if (typeof parsed === "string" || parsed.transport === "ipc") return address;
  const host = parsed.host.toLowerCase();
  // With a zone it is no host of a URL, and stays as it is.
  const isPlainIpv6 = isIP(host) === 6 && !host.includes("%");
  return tcpAddress(isPlainIpv6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host, parsed.port);
}

/** True where libzmq has to be told to use IPv6; left off otherwise, for hosts whose kernel has none. */
export function needsIpv6(address: EngineAddress): boolean {
  return address.transport === "tcp" && isIP(address.host) !== 4;
}

/**
 * The host to bind: an address, a network interface's name, or `*` as they are; another name is looked up, since libzmq
 * takes none when it binds.
 * @throws the resolver's error, with its code.
 */
export async function bindableHost(host: string): Promise<string> {
  if (host === "*" || isIP(withoutZone(host)) !== 0 || host in networkInterfaces()) return host;
  return (await lookup(host)).address;
}

function withoutZone(host: string): string {
  const percent = host.indexOf("%");
  return percent === -1 ? host : host.slice(0, percent);
}
