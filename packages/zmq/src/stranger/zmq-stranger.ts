import type { Stranger, StrangerReply } from "@trunkline/conformance";
import type { ContextShelf } from "../engine/context-shelf.js";
import type { Engine } from "../engine/engine.js";
import { foreignRuntime } from "../engine/foreign-runtime.js";
import { createLibzmqEngine } from "../engine/libzmq-engine.js";
import { createZmtpEngine } from "../engine/zmtp-engine.js";
import { LocalMatchmaker } from "../matchmaker/local-matchmaker.js";
import type { TopicKey } from "../matchmaker/matchmaker.js";
import { decodeCurveKey } from "../security/curve-key.js";
import { curveSecurity, type Security } from "../security/security.js";
import { StrangeDialer } from "./strange-dialer.js";
import { StrangeListener } from "./strange-listener.js";
import { ZmtpNoise } from "./zmtp-noise.js";

const EXCHANGE = "default";
const IPC = "ipc://";

/** Somebody on this machine's sockets who speaks protocol version 1 by hand, for the kit: what no honest peer says. */
export class ZmqStranger implements Stranger {
  readonly #realm: string;
  readonly #matchmaker: LocalMatchmaker;
  readonly #engine: Engine;
  readonly #noise: ZmtpNoise = new ZmtpNoise();

  /** @param contexts libzmq's, which are not freed before the process ends. @param secretKey of all that are let in, where CURVE is asked. */
  constructor(realm: string, runtimeDir: string, contexts: ContextShelf, secretKey?: string) {
    this.#realm = realm;
    this.#matchmaker = new LocalMatchmaker({ runtimeDir });
    const options = {
      maxFrameBytes: 1024 * 1024,
      heartbeatMs: 1_000,
      heartbeatTimeoutMs: 3_000,
      handshakeMs: 3_000,
      silentMs: 60_000,
      security: secretKey === undefined ? undefined : securityOf(secretKey),
    };
    // libzmq is the stricter judge, where it can be had.
    this.#engine =
      foreignRuntime() === undefined ? createLibzmqEngine({ ...options, contexts }) : createZmtpEngine(options);
  }

  async sendNoise(topic: string): Promise<readonly string[]> {
    const { address } = await this.#find(topic);
    const sent = [...(await this.#noise.send(address.slice(IPC.length)))];
    for (const [what, frame] of StrangeDialer.noise(this.#realm)) {
      await new StrangeDialer(this.#engine, address).say(frame);
      sent.push(what);
    }
    return sent;
  }

  async cast(topic: string, id: string, form: Parameters<Stranger["cast"]>[2]): Promise<string | undefined> {
    const { address } = await this.#find(topic);
    return new StrangeDialer(this.#engine, address).cast(this.#realm, topic, id, form);
  }

  async serve(topic: string, answer: (method: string) => readonly StrangerReply[]): Promise<void> {
    await this.#matchmaker.open();
    const names = { exchange: EXCHANGE, topic, server: "stranger" };
    const listener = new StrangeListener(names, answer);
    const { address } = await this.#engine.listen(await this.#matchmaker.listenAddress(), (link) =>
      listener.accept(link),
    );
    const key: TopicKey = { kind: "rpc", realm: this.#realm, exchange: EXCHANGE, topic };
    await this.#matchmaker.register({ ...key, server: names.server, address, incarnation: listener.incarnation });
  }

  async close(): Promise<void> {
    this.#noise.close();
    await this.#matchmaker.close();
    await this.#engine.close();
  }

  async #find(topic: string): Promise<{ readonly address: string }> {
    const [record] = await this.#matchmaker.lookup({ kind: "rpc", realm: this.#realm, exchange: EXCHANGE, topic });
    if (record === undefined) throw new Error(`nobody serves ${topic}`);
    return record;
  }
}

function securityOf(secretKey: string): Security {
  const key = decodeCurveKey(secretKey);
  if (key === undefined) throw new Error("the kit's key is none");
  return curveSecurity(key, undefined, undefined);
}
