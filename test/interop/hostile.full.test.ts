import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { enveloped, publish, tap } from "./support/by-hand.js";
import { fresh, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

/** Messages that no peer should send, and that no server may die of: body, and properties where they are the odd thing. */
const HOSTILE: readonly (readonly [name: string, body: string, properties: Readonly<Record<string, unknown>>])[] = [
  ["no JSON", "{", {}],
  ["nothing", "", {}],
  ["JSON that is no object", "[1]", {}],
  ["no method", '{"args":{}}', {}],
  ["a method that is no string", '{"method":7}', {}],
  ["arguments that are no object", '{"method":"note","args":[1]}', {}],
  ["an envelope of version 2.1", '{"oslo.version":"2.1","oslo.message":"{\\"method\\":\\"note\\"}"}', {}],
  ["an envelope around no JSON", '{"oslo.version":"2.0","oslo.message":"{"}', {}],
  ["an envelope around an object", '{"oslo.version":"2.0","oslo.message":{"method":"note"}}', {}],
  ["another content type", '{"method":"note"}', { content_type: "text/plain" }],
  ["another encoding", '{"method":"note"}', { content_encoding: "utf-16" }],
  ["a compression that it is not", '{"method":"note"}', { headers: { compression: "application/x-gzip" } }],
  ["a call that says nowhere to reply", '{"method":"note","_msg_id":"m"}', {}],
];

interop("messages by hand", { timeout: 60_000 }, () => {
  test.each(HOSTILE)("our server drops a message with %s, counts it and goes on", async (_name, body, properties) => {
    const topic = fresh("hostile");
    const transport = await sides.open();
    const endpoint = new RecordingEndpoint();
    await transport.serve({ topic, server: "s" }, endpoint);
    await publish(sides, topic, body, properties);
    await sides.python.cast({ topic }, "note", { n: 1 });
    const handled = await endpoint.sees(1, "note");
    expect(handled.map(({ params }) => params)).toEqual([{ n: 1 }]);
    expect(transport.stats().counters["malformed"]).toBe(1);
  });

  test("the least that oslo.messaging takes for a call is one here, and its reply is what Python reads", async () => {
    const topic = fresh("least");
    await sides.serve({ topic, server: "s" }, new RecordingEndpoint());
    const replies = await tap(sides);
    const inner = { method: "echo", args: { value: [1] }, _msg_id: "m1", _reply_q: replies.queue };
    for (const body of [JSON.stringify(inner), enveloped(inner)]) {
      await publish(sides, topic, body);
      const reply = await replies.next();
      expect(reply).toMatchObject({ contentType: "application/json", contentEncoding: "utf-8" });
      const envelope = JSON.parse(reply.body);
      expect(Object.keys(envelope)).toEqual(["oslo.version", "oslo.message"]);
      expect(JSON.parse(envelope["oslo.message"])).toEqual({
        result: [1],
        failure: null,
        ending: true,
        _msg_id: "m1",
        _unique_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
    }
  });

  test("a request that comes again under its own id is handled once here", async () => {
    const topic = fresh("twice");
    const transport = await sides.open();
    const endpoint = new RecordingEndpoint();
    await transport.serve({ topic, server: "s" }, endpoint);
    const twice = enveloped({ method: "note", args: { n: 1 }, _unique_id: fresh("id") });
    await publish(sides, topic, twice, { times: 2 });
    await publish(sides, topic, enveloped({ method: "note", args: { n: 2 }, _unique_id: fresh("id") }));
    const handled = await endpoint.sees(2, "note");
    expect(handled.map(({ params }) => params["n"])).toEqual([1, 2]);
    await until(() => transport.stats().counters["duplicates"] === 1, WITHIN);
  });

  test("a request without an id may come as often as it likes", async () => {
    const topic = fresh("twice");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint);
    await publish(sides, topic, '{"method":"note","args":{"n":1}}', { times: 3 });
    await endpoint.sees(3, "note");
  });
});
