import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { enveloped, publish, type Tap, type TappedMessage, tap } from "./support/by-hand.js";
import { fresh } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

interface OnWire extends TappedMessage {
  /** The inner message. */
  readonly inner: Readonly<Record<string, unknown>>;
}

/** What both put into each message, whoever sends it. */
const COMMON = { contentType: "application/json", contentEncoding: "utf-8" };
const HEX = /^[0-9a-f]{32}$/;

/** The names of the properties of `message` that Python's has as well. `message_id`, which Python passes over, is the one that is ours. */
function besideOurId(message: OnWire | undefined): readonly string[] {
  const names = Object.keys(message?.properties ?? {});
  expect(names).toContain("message_id");
  return names.filter((name) => name !== "message_id").toSorted();
}

interop("messages on the wire, sent by both", { timeout: 60_000 }, () => {
  test("a call: the same members in the same order, of the same kinds, and the same properties", async () => {
    const { topic, take } = await tapped();
    await sides.python.serve({ topic, server: "s" }, [{ namespace: "n", version: "1.5" }]);
    const context = { user_id: "u", roles: ["a"] };
    const target = { topic, namespace: "n", version: "1.2" };
    await sides.ours.client(target, { context }).call("echo", { value: 1 }, { timeoutMs: 5_000, monitorMs: 3_000 });
    const ours = await take();
    await sides.python.call(target, "echo", { value: 1 }, { context, timeout: 5, monitor: 3 });
    const theirs = await take();
    expect(Object.keys(ours.inner)).toEqual(Object.keys(theirs.inner));
    for (const { inner } of [ours, theirs]) {
      expect(inner).toEqual({
        method: "echo",
        args: { value: 1 },
        namespace: "n",
        version: "1.2",
        _msg_id: expect.stringMatching(HEX),
        _reply_q: expect.stringMatching(/^reply_[0-9a-f]{32}$/),
        _timeout: 3,
        _unique_id: expect.stringMatching(HEX),
        _context_user_id: "u",
        _context_roles: ["a"],
      });
    }
    expect(theirs).toMatchObject({ ...COMMON, properties: { delivery_mode: 2, priority: 0, expiration: "5000" } });
    expect(ours).toMatchObject({ ...COMMON, properties: { delivery_mode: 2, priority: 0 } });
    // Of ours it is what was left as it was written.
    const left = Number(ours.properties["expiration"]);
    expect(left).toBeGreaterThan(4_000);
    expect(left).toBeLessThanOrEqual(5_000);
    expect(besideOurId(ours)).toEqual(Object.keys(theirs.properties).toSorted());
  });

  test("a cast and a fanout: no reply queue, no timeout, no expiration", async () => {
    for (const fanout of [false, true]) {
      const { topic, take } = await tapped(fanout);
      await sides.python.serve({ topic, server: "s" });
      const client = sides.ours.client({ topic });
      if (fanout) await client.fanout("note", { n: 1 });
      else await client.cast("note", { n: 1 });
      const ours = await take();
      await (fanout
        ? sides.python.fanout({ topic }, "note", { n: 1 })
        : sides.python.cast({ topic }, "note", { n: 1 }));
      const theirs = await take();
      for (const { inner } of [ours, theirs]) {
        expect(inner).toEqual({ method: "note", args: { n: 1 }, _unique_id: expect.stringMatching(HEX) });
      }
      expect(ours).toMatchObject({ ...COMMON, properties: theirs.properties });
      expect(besideOurId(ours)).toEqual(Object.keys(theirs.properties).toSorted());
    }
  });

  test.each([
    ["a result", "echo", {}],
    ["a failure", "fail", { error: { class: "ValueError", args: ["bad"] } }],
    ["a refusal", "nothing", {}],
  ])("%s: the same members in the same order", async (_name, method, args) => {
    const topic = fresh("replies");
    await sides.python.serve({ topic, server: "theirs" });
    const fail = (): never => {
      throw new RangeError("bad");
    };
    await sides.serve({ topic, server: "ours" }, Object.assign(new RecordingEndpoint(), { fail }));
    const replies: OnWire[] = [];
    for (const server of ["theirs", "ours"]) {
      const replyQueue = await tap(sides);
      const request = { method, args, _msg_id: "m", _reply_q: replyQueue.queue, _unique_id: fresh("id") };
      await publish(sides, `${topic}.${server}`, enveloped(request));
      replies.push(await next(replyQueue));
    }
    const [theirs, ours] = replies;
    expect(Object.keys(ours?.inner ?? {})).toEqual(Object.keys(theirs?.inner ?? {}));
    expect(besideOurId(ours)).toEqual(Object.keys(theirs?.properties ?? {}).toSorted());
    expect(ours?.inner).toMatchObject({ ending: true, _msg_id: "m", _unique_id: expect.stringMatching(HEX) });
    if (method === "echo") return;
    const [here, there] = replies.map(({ inner }) => JSON.parse(String(inner["failure"])));
    // Python reads the first six, and passes over what is ours.
    expect(Object.keys(there).slice(0, 6)).toEqual(Object.keys(here));
    expect({ class: there.class, module: there.module }).toEqual({ class: here.class, module: here.module });
    if (method === "nothing") expect(there.message).toContain(method);
    else expect(there).toMatchObject({ message: "bad", args: ["bad"], kwargs: {} });
  });

  test("a notification: the same members in the same order, of the same kinds", async () => {
    const topic = fresh("events");
    const copies = await tap(sides, { exchange: "openstack", key: `${topic}.info` });
    const context = { user_id: "u", request_id: "r" };
    const payload = { a: [1, "ž"] };
    await sides.ours.notifier({ publisherId: "p", topics: [topic], context }).info("e", payload);
    const ours = await next(copies);
    const event = { priority: "info", event_type: "e", publisher_id: "p", payload, context, topics: [topic] };
    await sides.python.notify(event);
    const theirs = await next(copies);
    expect(Object.keys(ours.inner)).toEqual(Object.keys(theirs.inner));
    for (const { inner } of [ours, theirs]) {
      expect(inner).toEqual({
        message_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        publisher_id: "p",
        event_type: "e",
        priority: "INFO",
        payload,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?$/),
        _unique_id: expect.stringMatching(HEX),
        _context_user_id: "u",
        _context_request_id: "r",
      });
    }
    expect(ours).toMatchObject({ ...COMMON, properties: theirs.properties });
    expect(besideOurId(ours)).toEqual(Object.keys(theirs.properties).toSorted());
  });

  test("our beat is Python's", async () => {
    const topic = fresh("beats");
    await sides.python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "ours" }, endpoint);
    const keys: string[][] = [];
    for (const server of ["theirs", "ours"]) {
      const replyQueue = await tap(sides);
      const key = fresh("key");
      const request = { method: "hold", args: { key }, _msg_id: "m", _reply_q: replyQueue.queue, _timeout: 2 };
      await publish(sides, `${topic}.${server}`, JSON.stringify(request));
      const beat = await next(replyQueue);
      const fields = {
        result: null,
        failure: null,
        ending: false,
        _msg_id: "m",
        _unique_id: expect.stringMatching(HEX),
      };
      expect(beat.inner).toEqual(fields);
      keys.push(Object.keys(beat.inner));
      await sides.python.release(key);
      endpoint.release(key);
    }
    expect(keys[0]).toEqual(keys[1]);
  });

  test("every number in our headers is of a kind that Python's library reads, whatever its size", async () => {
    const topic = fresh("headers");
    await sides.python.serve({ topic, server: "s" });
    const client = sides.ours.client({ topic });
    // The sizes at which an encoder changes the kind.
    for (const timeoutMs of [1_000, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff]) {
      expect(await client.call("echo", { value: timeoutMs }, { timeoutMs, monitorMs: 5_000 })).toBe(timeoutMs);
    }
  });

  /** A topic, and the next message of its topic or fanout. */
  async function tapped(isFanout = false): Promise<{ readonly topic: string; take(): Promise<OnWire> }> {
    const topic = fresh("tapped");
    const fanout = { exchange: `${topic}_fanout`, kind: "fanout", auto_delete: true, key: topic } as const;
    const copies = await tap(sides, isFanout ? fanout : { exchange: "openstack", key: topic });
    return { topic, take: () => next(copies) };
  }
});

async function next(copies: Tap): Promise<OnWire> {
  const message = await copies.next();
  const envelope = JSON.parse(Buffer.from(message.body, "latin1").toString());
  expect(Object.keys(envelope)).toEqual(["oslo.version", "oslo.message"]);
  return { ...message, inner: JSON.parse(envelope["oslo.message"]) };
}
