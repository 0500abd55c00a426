import {
  type NotificationEndpoint,
  type NotificationListener,
  type NotificationListenerOptions,
  openTransport,
  type RpcServer,
  type ServerOptions,
  type Target,
  type Transport,
  type TransportOptions,
} from "@trunkline/core";
import { driver } from "@trunkline/rabbit";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { canInteroperate, OsloPeer } from "../../support/oslo-peer.js";
import { rabbitForTests, type TestRabbit } from "../../support/rabbit.js";
import { PythonSide, type PythonTransport } from "./python-side.js";

const START_WITHIN_MS = 120_000;

/** What both sides are told alike, under oslo.messaging's names. */
export type SharedOptions = Readonly<Record<string, string | number | boolean>>;

export interface SidesOptions {
  /** Options of both URLs. @default none */
  readonly options?: SharedOptions;
  /** `allowed_remote_exmods` of Python's transport. @default none */
  readonly allowed?: readonly string[];
}

/** Both sides of a file's tests, over one vhost: one Python process, and one transport of ours. */
export interface Sides {
  readonly rabbit: TestRabbit;
  readonly peer: OsloPeer;
  readonly python: PythonSide;
  readonly ours: Transport;
  /** The URL of the same vhost, for ours. */
  url(options?: SharedOptions): string;
  /** Another transport of ours, closed when the test is over. */
  open(options?: SharedOptions, transport?: TransportOptions): Promise<Transport>;
  /** Another Python transport in the file's peer, or in another one. */
  openPython(more?: Omit<PythonTransport, "url">, peer?: OsloPeer): Promise<PythonSide>;
  /** Another Python process, killed when the test is over. */
  startPeer(): Promise<OsloPeer>;
  /** Serves over our transport, until the test is over. */
  serve(target: Target, endpoints: object | readonly object[], options?: ServerOptions): Promise<RpcServer>;
  /** Listens over our transport, until the test is over. */
  listen(
    topics: readonly string[],
    endpoints: NotificationEndpoint | readonly NotificationEndpoint[],
    options?: NotificationListenerOptions & { readonly batch?: undefined },
  ): Promise<NotificationListener>;
}

/** To be called at the top of a file. */
export function sidesForTests({ options = {}, allowed = [] }: SidesOptions = {}): Sides {
  const rabbit = rabbitForTests();
  let made: { readonly peer: OsloPeer; readonly python: PythonSide; readonly ours: Transport } | undefined;
  const there = (): NonNullable<typeof made> => {
    if (made === undefined) throw new Error("both sides are there in tests, not while tests are collected");
    return made;
  };
  const url = (more: SharedOptions = {}): string =>
    rabbit.url({ scheme: "rabbit+oslo", query: { ...options, ...more } });
  const openPython = (more: Omit<PythonTransport, "url">, peer: OsloPeer): Promise<PythonSide> =>
    PythonSide.open(peer, {
      ...more,
      url: rabbit.url(),
      options: { ...options, ...more.options },
      allowed: more.allowed ?? allowed,
    });

  beforeAll(async () => {
    if (!canInteroperate) return;
    const peer = await OsloPeer.start();
    try {
      const [python, ours] = await Promise.all([openPython({}, peer), openTransport(url(), { drivers: [driver] })]);
      made = { peer, python, ours };
    } catch (error) {
      await peer.kill();
      throw error;
    }
  }, START_WITHIN_MS);

  afterAll(async () => {
    await made?.ours.close();
    await made?.peer.kill();
  });

  return {
    rabbit,
    get peer() {
      return there().peer;
    },
    get python() {
      return there().python;
    },
    get ours() {
      return there().ours;
    },
    url,
    async open(more, transport) {
      const opened = await openTransport(url(more), { drivers: [driver], ...transport });
      onTestFinished(() => opened.close());
      return opened;
    },
    openPython(more = {}, peer = there().peer) {
      return openPython(more, peer);
    },
    async startPeer() {
      const peer = await OsloPeer.start();
      onTestFinished(() => peer.kill());
      return peer;
    },
    async serve(target, endpoints, more) {
      const server = await there().ours.serve(target, endpoints, more);
      onTestFinished(() => server.stop());
      return server;
    },
    async listen(topics, endpoints, more) {
      const targets = topics.map((topic) => ({ topic }));
      const listener = await there().ours.listen(targets, endpoints, more);
      onTestFinished(() => listener.stop());
      return listener;
    },
  };
}
