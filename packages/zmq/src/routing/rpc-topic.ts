import { ConnectionLostError, type WaitState } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { TopicKey } from "../matchmaker/matchmaker.js";
import type { Peer } from "../pool/peer.js";
import { Finder, type FinderHost, recordsOf } from "./finder.js";
import { Line, type LineKeeper } from "./line.js";
import { MethodKeys } from "./method-key.js";
import type { Outgoing } from "./outgoing.js";
import { Rounds } from "./rounds.js";
import type { TopicHost } from "./topic-host.js";

/** A server that says goodbye and then nothing holds up what is for others so long at most. */
const HOLD_MS = 200;

/** The servers of one topic as this process knows them, and what waits for them. */
export class RpcTopic implements LineKeeper, FinderHost {
  readonly key: TopicKey;
  readonly methods: MethodKeys = new MethodKeys();
  readonly rounds: Rounds;
  readonly discoveryMs: number;
  /** Nobody uses it any more: who remembers it looks for its successor. */
  isRetired = false;
  readonly #host: TopicHost;
  readonly #any: Line;
  readonly #servers: Map<string, Line> = new Map();
  readonly #listeners: Set<RemoteListener> = new Set();
  readonly #finders: Map<Line, Finder> = new Map();
  /** Ends each hold of lines that is not over. */
  readonly #holds: Set<() => void> = new Set();
  #unwatch: (() => void) | undefined;
  #isRefreshing = false;
  #isRefreshDue = false;

  constructor(key: TopicKey, host: TopicHost) {
    this.key = key;
    this.#host = host;
    this.discoveryMs = host.discoveryMs;
    this.#any = new Line(describe(key), host, this);
    this.#any.place = { key, server: undefined };
    this.rounds = new Rounds(key, host, this.#listeners);
  }

  get listeners(): ReadonlySet<RemoteListener> {
    return this.#listeners;
  }

  /** The line for messages to any server. Who asks for it wants to know all servers, those that are to come too. */
  any(): Line {
    if (this.#unwatch === undefined) {
      this.#unwatch = this.#host.matchmaker.watch(this.key, () => void this.#refresh());
      this.#any.lastUsedAt = this.#host.now();
      this.#find(this.#any, true);
    }
    return this.#any;
  }

  /** The line for messages to the servers of one name. */
  server(name: string): Line {
    let line = this.#servers.get(name);
    if (line === undefined) {
      line = new Line(`server ${JSON.stringify(name)} of ${describe(this.key)}`, this.#host, this);
      line.lastUsedAt = this.#host.now();
      line.place = { key: this.key, server: name };
      this.#servers.set(name, line);
      for (const listener of this.#listeners) if (serverOf(listener) === name) line.join(listener);
    }
    return line;
  }

  /** The line of one listener alone. */
  own(listener: RemoteListener): Line {
    if (listener.own === undefined) {
      const line = new Line(`one server of ${describe(this.key)}`, this.#host, OWN_KEEPER);
      listener.own = line;
      line.join(listener);
    }
    return listener.own;
  }

  join(listener: RemoteListener): void {
    this.#listeners.add(listener);
    this.#any.join(listener);
    this.#servers.get(serverOf(listener))?.join(listener);
    for (const finder of [...this.#finders.values()]) finder.check();
  }

  leave(listener: RemoteListener): void {
    this.#listeners.delete(listener);
    if (listener.link.mayGiveBack) this.#holdBack(listener);
  }

  /**
   * Casts that crossed with a server's goodbye come back, and go before those that wait or come now (B11): these wait until
   * the other side has heard of all that was sent before it was left.
   */
  #holdBack(listener: RemoteListener): void {
    const lines = [this.#any, this.#servers.get(serverOf(listener))].filter((line) => line !== undefined);
    const letGo = (): void => {
      if (!this.#holds.delete(letGo)) return;
      timer.cancel();
      for (const line of lines) line.letGo();
    };
    this.#holds.add(letGo);
    const timer = this.setTimer(letGo, HOLD_MS);
    for (const line of lines) line.hold();
    listener.link.confirm(letGo);
  }

  starved(line: Line): void {
    const finder = this.#finders.get(line);
    if (finder === undefined) this.#find(line, line === this.#any && this.#listeners.size === 0);
  }

  obstacle(line: Line): WaitState {
    return this.#finders.get(line)?.obstacle ?? "no-listener";
  }

  now(): number {
    return this.#host.now();
  }

  setTimer(run: () => void, delayMs: number): ReturnType<FinderHost["setTimer"]> {
    return this.#host.setTimer(run, delayMs);
  }

  async find(line: Line): Promise<readonly Peer[]> {
    const records = await this.#host.matchmaker.lookup(this.key);
    const peers: Set<Peer> = new Set();
    for (const record of recordsOf(records, this.#nameOf(line))) peers.add(this.#host.pool.reach(record));
    for (const peer of this.#host.pool.peers) if (peer.isStanding) peers.add(peer);
    return [...peers];
  }

  mayServe(peer: Peer, line: Line): boolean {
    if (!peer.isStanding) return true;
    const name = this.#nameOf(line);
    return peer.mayHave(
      (advert) =>
        advert.kind === "rpc" &&
        advert.exchange === this.key.exchange &&
        advert.topic === this.key.topic &&
        (name === undefined || advert.server === name),
    );
  }

  /** Forgets lines that nobody has used for so long. True where the whole topic may be forgotten. */
  retire(unusedSince: number): boolean {
    for (const [name, line] of this.#servers) {
      if (line.size > 0 || line.lastUsedAt > unusedSince || this.#finders.has(line)) continue;
      line.isRetired = true;
      this.#servers.delete(name);
      for (const member of [...line.members]) {
        line.leave(member);
        member.lines.splice(member.lines.indexOf(line), 1);
      }
    }
    if (this.#any.size > 0 || this.#any.lastUsedAt > unusedSince) return false;
    if (this.rounds.isBusy || this.#holds.size > 0) return false;
    if (this.#servers.size > 0 || this.#listeners.size > 0 || this.#finders.size > 0) return false;
    this.#any.isRetired = true;
    this.isRetired = true;
    this.#unwatch?.();
    this.#unwatch = undefined;
    return true;
  }

  close(): void {
    this.isRetired = true;
    this.#unwatch?.();
    this.rounds.close();
    for (const letGo of [...this.#holds]) letGo();
    for (const finder of [...this.#finders.values()]) finder.end();
    for (const line of [this.#any, ...this.#servers.values()]) line.close();
    for (const listener of this.#listeners) listener.own?.close();
  }

  waiting(): number {
    let sum = this.#any.size;
    for (const line of this.#servers.values()) sum += line.size;
    for (const listener of this.#listeners) sum += listener.own?.size ?? 0;
    return sum;
  }

  #find(line: Line, gathers: boolean): void {
    if (this.#finders.has(line) || line.isRetired) return;
    const finder = new Finder(line, this, gathers, () => this.#finders.delete(line));
    this.#finders.set(line, finder);
  }

  #nameOf(line: Line): string | undefined {
    if (line === this.#any) return undefined;
    for (const [name, other] of this.#servers) if (other === line) return name;
    return undefined;
  }

  /** Servers came or went: those that are not known yet are dialled. */
  async #refresh(): Promise<void> {
    if (this.#isRefreshing) {
      this.#isRefreshDue = true;
      return;
    }
    this.#isRefreshing = true;
    try {
      do {
        this.#isRefreshDue = false;
        for (const record of await this.#host.matchmaker.lookup(this.key)) this.#host.pool.reach(record);
      } while (this.#isRefreshDue && this.#unwatch !== undefined);
    } catch (error) {
      this.#host.warn(`cannot look up ${describe(this.key)}; what is connected goes on`, error);
    } finally {
      this.#isRefreshing = false;
    }
  }
}

/** A listener of its own line that leaves takes its messages with it: they were for nobody else. */
const OWN_KEEPER: LineKeeper = {
  starved: (line) => {
    if (line.members.length === 0) failAll(line);
  },
  obstacle: () => "no-connection",
};

function failAll(line: Line): void {
  for (const message of line.takeAll()) failDead(message);
}

/** The listener that the message was for is gone, and the message was never sent. */
export function failDead(message: Outgoing): void {
  message.fail(new ConnectionLostError(`${message.line.name} is gone; the message was not sent`, false));
}

function serverOf(listener: RemoteListener): string {
  return listener.advert.kind === "rpc" ? listener.advert.server : "";
}

export function describe(key: TopicKey): string {
  const exchange = key.exchange === "default" ? "" : ` of exchange ${JSON.stringify(key.exchange)}`;
  return `topic ${JSON.stringify(key.topic)}${exchange}`;
}
