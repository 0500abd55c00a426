import type { Capabilities, DriverFactory, Transport, TransportOptions } from "@trunkline/core";
import { openTransport } from "@trunkline/core";
import type { Stranger } from "./stranger.js";

/** Where something listens for TCP. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Where somebody listens: for TCP, or at the path of a local socket. */
export type Place = Endpoint | { readonly path: string };

/** What a relay of the kit gives a transport to dial. */
export interface RelayEndpoint extends Endpoint {
  /**
   * Another port of the same relay, which leads to `place`; the same each time. For harnesses with `relaysPeers`, whose driver asks
   * as it dials, so that it is there at once; the relay's own `host` and `port` lead nowhere then.
   */
  towards(place: Place): Endpoint;
}

/** Whom a transport says it is. `awkward`: right, with a password full of what a URL must write otherwise. */
export type CredentialsRequest = "good" | "wrong" | "awkward";

/**
 * How a transport comes to a backend's port for TLS. `wrong-authority`: it trusts another authority; `wrong-host`: it expects
 * another name in the certificate; `plain`: it speaks no TLS there.
 */
export type TlsRequest = "good" | "wrong-authority" | "wrong-host" | "plain";

/** What the kit asks of a harness when a case opens a transport; the kit never builds URLs itself. */
export interface TransportRequest {
  /** Equal spaces see each other; different ones do not, where the harness isolates them. */
  readonly space: string;
  /** As the application would give them. The harness adds the drivers. */
  readonly options?: TransportOptions;
  /**
   * Relays of the kit. Where the harness has an `endpoint`: dial these, the first of them first, and not the backend's own. Where it
   * says `relaysPeers`: dial each peer through the first of them.
   */
  readonly via?: readonly RelayEndpoint[];
  /** Only with the ability `credentials`. @default "good" */
  readonly credentials?: CredentialsRequest;
  /** Only with the ability `tls`. @default what the harness's own URL says */
  readonly tls?: TlsRequest;
  /** How often each side of a connection must hear of the other, where the driver can be told. Only with the ability `heartbeat`. */
  readonly heartbeatMs?: number;
}

/** The backend's own process, for cases in which it dies, hangs and comes back with what was on its disk. */
export interface BrokerControl {
  /** SIGKILL, or as near to it as there is. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it takes connections again, at the same endpoint. */
  start(): Promise<void>;
  /** It keeps its connections and does nothing. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

/** What a backend has for one space: to see that nothing is left of what has ended. */
export interface Residue {
  readonly connections: number;
  /** Of all its queues. */
  readonly consumers: number;
  readonly queues: number;
}

/** How a child process opens the same transport. */
export interface WorkerSource {
  readonly url: string;
  readonly options?: Pick<TransportOptions, "resolveFrom">;
}

/** A known failure: the case still runs and must still fail, until `expires` (an ISO date). */
export interface Deviation {
  readonly caseId: string;
  readonly reason: string;
  /** Where it is written down. */
  readonly url: string;
  readonly expires: string;
}

/** How patient and how quick the kit is with a backend. Milliseconds. */
export interface Timing {
  /** Multiplies every upper bound, never a lower one. @default 1 */
  readonly scale: number;
  /** How long silence must last, after a fence, to count as silence. @default 25 */
  readonly quietMs: number;
  /** How long a case waits for one fact, before `scale`. @default 5_000 */
  readonly waitMs: number;
  /** How long nothing may happen before messages count as lost, before `scale`. @default 1_000 */
  readonly idleMs: number;
}

/** What a harness without `timing` gets. */
export const DEFAULT_TIMING: Timing = Object.freeze({ scale: 1, quietMs: 25, waitMs: 5_000, idleMs: 1_000 });

/** One driver under test: how to open transports on it, and what more the surroundings can do. */
export interface ConformanceHarness {
  /** For the report: a driver's name and version, or a URL without credentials. */
  readonly name: string;
  /**
   * What the driver is held to, pinned: the whole manifest, or some of its keys. MAN-01 fails where the driver says anything
   * else. Of what is not here the kit believes the driver itself, once it is open.
   */
  readonly claims?: Partial<Capabilities>;
  readonly timing?: Partial<Timing>;
  readonly deviations?: readonly Deviation[];
  /** True where spaces are isolated by the backend (realms), false where random names alone keep cases apart. */
  readonly isolatesSpaces: boolean;
  /** True where nothing stands between peers: cases about a broker then do not apply. @default false */
  readonly isBrokerless?: boolean;
  /** Which parts of a {@link TransportRequest} it can satisfy beyond space and options. @default none */
  readonly offers?: readonly ("credentials" | "tls" | "heartbeat")[];
  /** Words that must appear in no message (F4): the passwords in use. */
  readonly secrets?: readonly string[];
  /** Names and versions of what is under test, for the report: the driver's package, its broker. Asked once, after `setup`. */
  versions?(): Promise<Readonly<Record<string, string>>>;
  /** Once per run: start containers, create users. */
  setup?(): Promise<void>;
  teardown?(): Promise<void>;
  /** Once per case and space, before its first transport. */
  openSpace?(space: string): Promise<void>;
  dropSpace?(space: string): Promise<void>;
  createTransport(request: TransportRequest): Promise<Transport>;
  /** A transport whose backend does not answer, opened within `connectTimeoutMs`; absent where there is no such thing. */
  createDeadTransport?(options: TransportOptions): Promise<Transport>;
  /** Where the backend listens: the kit puts relays before it, which it can cut. Absent: no link can be cut. */
  endpoint?(): Promise<Endpoint>;
  /**
   * True where a transport that is given `via` dials each of its peers through that relay. For drivers without a broker; child
   * processes dial each other directly.
   * @default false
   */
  readonly relaysPeers?: boolean;
  /** Deletes every queue of `space`, or what the backend has in its place, behind the driver's back; absent where it cannot. */
  loseQueues?(space: string): Promise<void>;
  /** Loses every link of `space`, or of the whole backend, which can be made again once it resolves; absent where it cannot. */
  cutLinks?(space: string): Promise<void>;
  /** Somebody on the wire of `space` who does not keep to its rules; absent where only the driver can speak there. */
  stranger?(space: string): Promise<Stranger>;
  /** What the backend has for `space` now; absent where it does not tell. */
  inspect?(space: string): Promise<Residue>;
  /** Absent where the backend must be left running. */
  readonly broker?: BrokerControl;
  /** How a child process reaches `space`; absent where it cannot. */
  workerSource?(space: string, request?: Pick<TransportRequest, "heartbeatMs" | "via">): WorkerSource;
}

/** What `harnessFromUrl` may be told beside the URL. */
export interface UrlHarnessOptions {
  /** Drivers that are not installed as packages, or wrapped ones. Child processes cannot be given these. */
  readonly drivers?: readonly DriverFactory[];
  /**
   * `realms`: each case gets a realm of its own, by the URL's path. `names`: cases share the URL's realm and are kept apart
   * by random names; for drivers without realms, or whose realms must be created first.
   * @default "realms"
   */
  readonly spaces?: "realms" | "names";
  /** What the driver is held to; see {@link ConformanceHarness.claims}. */
  readonly claims?: Partial<Capabilities>;
  readonly timing?: Partial<Timing>;
  readonly deviations?: readonly Deviation[];
  /** A URL of the same driver at which nothing answers. */
  readonly deadUrl?: string;
  /** From where child processes and this one resolve driver packages. @default process.cwd() */
  readonly resolveFrom?: string;
}

/** A harness for anybody with a URL: no broker control, no faults; a space is a realm, or random names. */
export function harnessFromUrl(url: string, options: UrlHarnessOptions = {}): ConformanceHarness {
  const isolatesSpaces = (options.spaces ?? "realms") === "realms";
  const place = (space: string): string => (isolatesSpaces ? withRealm(url, space) : url);
  const opening = (given: TransportOptions | undefined): TransportOptions => ({
    ...given,
    ...(options.drivers === undefined ? {} : { drivers: options.drivers }),
    ...(options.resolveFrom === undefined ? {} : { resolveFrom: options.resolveFrom }),
  });
  const dead = options.deadUrl;
  return {
    name: withoutCredentials(url),
    isolatesSpaces,
    secrets: secretsOf(url),
    ...(options.claims === undefined ? {} : { claims: options.claims }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    ...(options.deviations === undefined ? {} : { deviations: options.deviations }),
    createTransport: (request) => openTransport(place(request.space), opening(request.options)),
    ...(dead === undefined
      ? {}
      : { createDeadTransport: (given: TransportOptions) => openTransport(dead, opening(given)) }),
    ...(options.drivers === undefined
      ? {
          workerSource: (space: string): WorkerSource => ({
            url: place(space),
            ...(options.resolveFrom === undefined ? {} : { options: { resolveFrom: options.resolveFrom } }),
          }),
        }
      : {}),
  };
}

/** The URL with its path replaced by a realm below the one it had. */
function withRealm(url: string, space: string): string {
  const { head, path, query } = splitUrl(url);
  const base = path.replace(/^\//, "");
  return `${head}/${base === "" ? "" : `${base}.`}${encodeURIComponent(space)}${query}`;
}

function splitUrl(url: string): { head: string; path: string; query: string } {
  const mark = url.indexOf("?");
  const query = mark < 0 ? "" : url.slice(mark);
  const rest = mark < 0 ? url : url.slice(0, mark);
  const start = rest.indexOf("://") + 3;
  const slash = rest.indexOf("/", start);
  return slash < 0 ? { head: rest, path: "", query } : { head: rest.slice(0, slash), path: rest.slice(slash), query };
}

function withoutCredentials(url: string): string {
  return url.replace(/(:\/\/|,)[^@/,?]*@/g, "$1");
}

function secretsOf(url: string): string[] {
  const found: string[] = [];
  for (const match of splitUrl(url).head.matchAll(/(?::\/\/|,)[^:@,]*:([^@,]+)@/g)) {
    const encoded = match[1];
    if (encoded !== undefined) found.push(encoded, decodeURIComponent(encoded));
  }
  return [...new Set(found)];
}
