import { randomUUID } from "node:crypto";
import type { Stranger, StrangerReply } from "@trunkline/conformance";
import { type Outcome, systemClock } from "@trunkline/core/driver";
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from "amqplib";
import type { Settings } from "../options/settings.js";
import { DRIVER_NAME } from "../rabbit-driver.js";
import type { Route } from "../topology/declarations.js";
import { Declarer } from "../topology/declare.js";
import { NameRegistry } from "../topology/name-registry.js";
import type { Naming } from "../topology/naming.js";
import { OsloNaming } from "../topology/oslo-naming.js";
import { RabbitNaming } from "../topology/rabbit-naming.js";
import { OsloWire } from "../wire/oslo-wire.js";
import { PackedWire } from "../wire/packed/packed-wire.js";
import type { CallId, Message, Wire } from "../wire/wire.js";
import { type Forms, osloForms, packedForms } from "./forms.js";

const NEAR = 50;

/** A client of the broker that knows a naming and its wire, and writes for the kit what no honest peer says. */
export class RabbitStranger implements Stranger {
  readonly #connection: ChannelModel;
  readonly #channel: Channel;
  readonly #naming: Naming;
  readonly #wire: Wire;
  readonly #forms: Forms;
  readonly #exchange: string;

  private constructor(connection: ChannelModel, channel: Channel, settings: Settings) {
    this.#connection = connection;
    this.#channel = channel;
    const { maxMessageBytes, clockToleranceMs } = settings;
    const limits = { maxMessageBytes, driver: DRIVER_NAME };
    const parts = { clock: systemClock, compresses: false, limits, clockToleranceMs, newId: () => randomUUID() };
    if (settings.naming === "rabbit") {
      this.#naming = new RabbitNaming(settings.topology);
      this.#wire = new PackedWire(parts);
      this.#forms = packedForms;
      this.#exchange = "default";
    } else {
      this.#naming = new OsloNaming(settings.topology, new NameRegistry(DRIVER_NAME));
      this.#wire = new OsloWire(parts);
      this.#forms = osloForms;
      this.#exchange = "openstack";
    }
  }

  /** @param settings of a URL of the driver's, its vhost the space. */
  static async open(settings: Settings): Promise<RabbitStranger> {
    const [host] = settings.hosts;
    const connection = await connect({
      hostname: host?.host ?? "127.0.0.1",
      port: host?.port ?? 0,
      username: host?.user ?? "guest",
      password: host?.password ?? "guest",
      vhost: settings.vhost,
    });
    // The vhost may go before it does.
    connection.on("error", () => {});
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    return new RabbitStranger(connection, channel, settings);
  }

  async sendNoise(topic: string): Promise<readonly string[]> {
    const honest = this.#request(topic, "noise");
    const noise = this.#forms.noise(honest.body);
    for (const { body, properties } of noise) {
      this.#publish(honest.route, body, { ...honest.properties(), ...properties });
    }
    return noise.map(({ what }) => what);
  }

  async cast(topic: string, id: string, form: Parameters<Stranger["cast"]>[2]): Promise<undefined> {
    const message = this.#request(topic, id);
    const body = form === "plain" ? message.body : this.#forms[form](message.body);
    this.#publish(message.route, body, message.properties());
    return undefined;
  }

  async serve(topic: string, answer: (method: string) => readonly StrangerReply[]): Promise<void> {
    const address = { realm: "", exchange: this.#exchange, topic, server: "stranger" };
    const declarer = new Declarer((argument) => this.#naming.optionOf(argument));
    for (const source of this.#naming.rpcSources(address, randomUUID())) {
      if (source.scope !== "topic") continue;
      await declarer.boundQueue(this.#channel, source);
      await this.#channel.consume(source.queue.name, (raw) => this.#take(raw, answer), { noAck: true });
    }
  }

  async close(): Promise<void> {
    // Where the broker ended it, it is over.
    await this.#connection.close().catch(() => {});
  }

  #take(raw: ConsumeMessage | null, answer: (method: string) => readonly StrangerReply[]): void {
    if (raw === null) return;
    const { request, replyTo } = this.#wire.readRequest(raw);
    if (replyTo === undefined) return;
    const { callId, queue } = replyTo;
    const say = (to: CallId, outcome: Outcome): void => {
      const reply = this.#wire.replies(this.#naming.queueRoute(queue, false), [this.#wire.outcome(to, outcome)]);
      this.#publish(reply.route, reply.body, reply.properties());
    };
    for (const reply of answer(request.method)) {
      if (reply.kind === "result") say(callId, { ok: true, value: reply.value });
      else if (reply.kind === "failure") say(callId, { ok: false, failure: reply });
      else for (const other of otherThan(callId)) say(other, { ok: true, value: "forged" });
    }
  }

  #request(topic: string, id: string): Message {
    const route = this.#naming.castRoute({ realm: "", exchange: this.#exchange, topic });
    const carried = { params: { id }, context: {}, headers: {} };
    return this.#wire.cast(route, { kind: "request", id: randomUUID(), method: "note", ...carried });
  }

  #publish({ exchange, key }: Route, body: Buffer, properties: ReturnType<Message["properties"]>): void {
    this.#channel.publish(exchange?.name ?? "", key, body, properties);
  }
}

/** Numbers and ids that one who was told `callId` might try for the calls of others. */
function otherThan(callId: CallId): readonly CallId[] {
  if (typeof callId === "string") {
    const turned = [...callId].reverse().join("");
    return ["", turned, callId.toUpperCase(), `${callId}0`, randomUUID().replaceAll("-", "")];
  }
  const near = Array.from({ length: NEAR }, (_, n) => n + 1);
  const tries = [0, Number.MAX_SAFE_INTEGER, ...near, ...near.flatMap((n) => [callId - n, callId + n])];
  return tries.filter((other) => other !== callId);
}
