import { type JsonObject, RemoteError, SerializationError, type Serializer, type Value } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { describeWrongError } from "../wrong-error.js";

/** Wraps every value, and counts: what arrives must have been through it once on each side. */
class Wrapping implements Serializer {
  readonly counts = { serialized: 0, deserialized: 0 };

  serializeValue(value: unknown): Value {
    this.counts.serialized++;
    // The cases hand it values of D2 only.
    return { wrapped: value as Value };
  }

  deserializeValue(value: Value): unknown {
    this.counts.deserialized++;
    if (typeof value !== "object" || value === null || !("wrapped" in value)) throw new Error("it was not wrapped");
    return value["wrapped"];
  }

  serializeContext(context: JsonObject): JsonObject {
    return { ...context, sealed: true };
  }

  deserializeContext(context: JsonObject): JsonObject {
    const { sealed, ...rest } = context;
    return { ...rest, wasSealed: sealed === true };
  }
}

/** D2 with an application's own serializer between its values and those that travel. */
export const serializerCases: readonly ConformanceCase[] = [
  {
    id: "CTX-04",
    title:
      "a serializer of one's own: once per side, with context; where it fails the caller is told, the server lives",
    group: "context",
    clauses: ["D2", "D3"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const [near, far] = [new Wrapping(), new Wrapping()];
      const contexts: JsonObject[] = [];
      const endpoint = {
        double({ n }: { n: number }, call: { context: JsonObject }) {
          contexts.push(call.context);
          return { n: 2 * n };
        },
      };
      await t.serve(await t.open({ serializer: far }), { topic, server: "s1" }, endpoint);
      const client = (await t.open({ serializer: near })).client({ topic }, { context: { tenant: "acme" } });
      sameValue("the reply", await t.within("a call", client.call("double", { n: 21 })), { n: 42 });
      t.saw();
      sameValue("the sender's serializer", near.counts, { serialized: 1, deserialized: 1 });
      sameValue("the receiver's serializer", far.counts, { serialized: 1, deserialized: 1 });
      sameValue("the context", contexts, [{ tenant: "acme", wasSealed: true }]);
      const failing: Serializer = {
        serializeValue() {
          throw new Error("out of keys");
        },
        deserializeValue: (value) => value,
        serializeContext: (context) => context,
        deserializeContext: (context) => context,
      };
      const broken = client.to({ serializer: failing });
      const error = await t.rejects(
        "a call whose serializer throws",
        broken.call("double", { n: 1 }),
        SerializationError,
      );
      check(!error.remote, "the sender's own serializer failed, and the error says that it was remote");
      sameValue("the server after it", await t.within("a call", client.call("double", { n: 1 })), { n: 2 });
    },
  },
  {
    id: "CTX-05",
    title: "client and server with different serializers: each side is told, neither hangs nor falls",
    group: "context",
    clauses: ["D3", "F1"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("compute");
      const endpoint = { alive: () => "yes" };
      await t.serve(await t.open({ serializer: new Wrapping() }), { topic, server: "s1" }, endpoint);
      const plain = (await t.open()).client({ topic });
      const error = await t.rejects("a call without the serializer", plain.call("alive", { n: 1 }), Error);
      const isTold = error instanceof SerializationError || error instanceof RemoteError;
      const end = describeWrongError(error, SerializationError, RemoteError);
      check(isTold, `expected SerializationError or RemoteError, got ${end}`);
      const wrapped = (await t.open({ serializer: new Wrapping() })).client({ topic });
      sameValue("the server after it", await t.within("a call", wrapped.call("alive", { n: 1 })), "yes");
      t.saw();
      if (!t.claims.events) return;
      const got: unknown[] = [];
      const listening = await t.open({ serializer: new Wrapping() });
      await t.listen(listening, topic, { info: ({ payload }) => void got.push(payload) });
      const emit = async (serializer?: Serializer): Promise<void> => {
        const transport = await t.open(serializer === undefined ? {} : { serializer });
        await t.within(
          "an event",
          transport.notifier({ publisherId: "kit", topics: [topic] }).info("kit.event", "hello"),
        );
      };
      await emit();
      await t.until("the handlerError event of the unwrapped event", () => t.handlerErrors.length > 0);
      await emit(new Wrapping());
      await t.until("the wrapped event", () => got.length > 0);
      sameValue("what the listener got", got, ["hello"]);
    },
  },
];
