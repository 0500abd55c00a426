import { describe, expect, test } from "vitest";
import type { Line } from "../../src/routing/line.js";
import { Memo } from "../../src/routing/memo.js";
import { RpcTopic } from "../../src/routing/rpc-topic.js";
import { type FakeListener, fakeListener, Note, sentTo } from "../support/fake-listeners.js";
import { FakeTopicHost } from "../support/fake-topic-host.js";
import { request } from "../support/lines.js";

class World extends FakeTopicHost {
  readonly topic: RpcTopic = new RpcTopic({ kind: "rpc", realm: "", exchange: "default", topic: "t" }, this.host);

  server(name: string): FakeListener {
    const fake = fakeListener({ server: name });
    this.topic.join(fake.listener);
    return fake;
  }

  post(line: Line, name = "n"): Note {
    const note = new Note(line, name);
    line.post(note);
    return note;
  }
}

describe("a topic", () => {
  test("looks for all its servers as soon as somebody asks for any, and watches for more", async () => {
    const world = new World();
    world.record("a", "a");
    world.record("b", "b");
    const note = world.post(world.topic.any());
    await world.settle();
    expect([[...world.peers.keys()], world.watchers, note.state]).toEqual([["a", "b"], 1, "waiting"]);
    const a = world.server("a");
    world.peer("a").ready(a.listener);
    world.peer("b").absent("refused");
    await world.settle();
    expect(sentTo(a)).toEqual(["n"]);
    // One that comes later is dialled when the name service tells.
    world.record("c", "c");
    world.onChange();
    world.onChange();
    await world.settle();
    expect(world.peers.has("c")).toBe(true);
  });

  test("sends what is for one server to those of its name only", async () => {
    const world = new World();
    const others = [world.server("a"), world.server("ab")];
    const line = world.topic.server("b");
    const note = world.post(line);
    await world.settle(100);
    expect([note.state, others.map(sentTo)]).toEqual(["waiting", [[], []]]);
    const [b, twin] = [world.server("b"), world.server("b")];
    for (let n = 0; n < 200; n++) {
      world.post(line, `${n}`);
      await world.settle();
    }
    expect([others.map(sentTo), sentTo(b).length + sentTo(twin).length]).toEqual([[[], []], 201]);
    expect(Math.min(sentTo(b).length, sentTo(twin).length)).toBeGreaterThan(10);
  });

  test("dials only the one server that is meant", async () => {
    const world = new World();
    world.record("a", "a");
    world.record("b", "b");
    world.post(world.topic.server("b"));
    await world.settle();
    expect([...world.peers.keys()]).toEqual(["b"]);
  });

  test("says that nobody listens for a server, by name", async () => {
    const world = new World();
    const note = world.post(world.topic.server("b"));
    await world.settle(1_000);
    expect(String(note.errors[0])).toContain('nobody listens for server "b" of topic "t"');
  });

  test("waits for a listed process that was lost, if it had what is meant", async () => {
    const world = new World();
    world.peer("lost", true).remembered = [fakeListener({ server: "a" }).listener.advert];
    const [any, a, b] = [
      world.post(world.topic.any()),
      world.post(world.topic.server("a")),
      world.post(world.topic.server("b")),
    ];
    await world.settle(5_000);
    expect([any, a, b].map(({ errors }) => errors.length)).toEqual([0, 0, 1]);
    expect(world.topic.obstacle(world.topic.any())).toBe("no-connection");
  });

  test("looks again when its last server is gone", async () => {
    const world = new World();
    const only = world.server("a");
    world.post(world.topic.any(), "first");
    await world.settle(300);
    world.topic.leave(only.listener);
    for (const line of only.listener.lines.splice(0)) line.leave(only.listener);
    const note = world.post(world.topic.any(), "second");
    await world.settle(50);
    expect([sentTo(only), note.errors]).toEqual([["first"], []]);
    const next = world.server("b");
    await world.settle();
    expect(sentTo(next)).toEqual(["second"]);
  });

  test("when all its servers are gone, waits for all that come back, so that the first does not get everything", async () => {
    const world = new World();
    const line = world.topic.any();
    const before = world.server("before");
    await world.settle(300);
    world.topic.leave(before.listener);
    for (const one of before.listener.lines.splice(0)) one.leave(before.listener);
    world.record("a", "a");
    world.record("b", "b");
    for (let n = 0; n < 96; n++) world.post(line);
    await world.settle();
    const a = world.server("a");
    world.peer("a").ready(a.listener);
    await world.settle();
    expect(sentTo(a)).toEqual([]);
    const b = world.server("b");
    world.peer("b").ready(b.listener);
    await world.settle();
    expect(sentTo(a).length + sentTo(b).length).toBe(96);
    expect(Math.min(sentTo(a).length, sentTo(b).length)).toBeGreaterThan(0);
  });

  test("goes on with who is connected when the name service is down, and warns of changes that it cannot read", async () => {
    const world = new World();
    const a = world.server("a");
    world.lookupError = new Error("gone");
    world.post(world.topic.any());
    await world.settle();
    expect(sentTo(a)).toEqual(["n"]);
    world.onChange();
    await world.settle();
    expect(world.warnings).toEqual([expect.stringContaining("what is connected goes on")]);
  });

  test("names its exchange where it is another, for people", async () => {
    const world = new FakeTopicHost();
    const topic = new RpcTopic({ kind: "rpc", realm: "", exchange: "nova", topic: "t" }, world.host);
    const note = new Note(topic.any(), "n");
    topic.any().post(note);
    await world.settle(1_250);
    expect(String(note.errors[0])).toContain('topic "t" of exchange "nova"');
  });
});

describe("what nobody uses", () => {
  test("is forgotten: lines of single servers, then the topic with its watch", async () => {
    const world = new World();
    const b = world.server("b");
    const line = world.topic.server("b");
    world.post(line);
    world.topic.any();
    await world.settle(1_000);
    expect(world.topic.retire(-1)).toBe(false);
    expect(line.isRetired).toBe(false);
    expect(world.topic.retire(500)).toBe(false);
    expect([line.isRetired, line.members, world.topic.server("b") === line]).toEqual([true, [], false]);
    expect(b.listener.lines).not.toContain(line);
    world.topic.leave(b.listener);
    for (const other of b.listener.lines.splice(0)) other.leave(b.listener);
    await world.settle(1_000);
    expect(world.topic.retire(1_900)).toBe(true);
    expect([world.topic.isRetired, world.watchers, world.clock.timers]).toEqual([true, 0, 0]);
  });

  test("is not while something waits there", async () => {
    const world = new World();
    world.peer("hope", true);
    const line = world.topic.server("b");
    const note = world.post(line);
    await world.settle(100);
    expect([world.topic.retire(1_000), line.isRetired, note.state]).toEqual([false, false, "waiting"]);
  });
});

test("closed, it fails what waits, watches nothing, and looks no more", async () => {
  const world = new World();
  const notes = [world.post(world.topic.any()), world.post(world.topic.server("b"))];
  const gone = fakeListener({ server: "c", tokens: 0 });
  world.topic.join(gone.listener);
  notes.push(world.post(world.topic.own(gone.listener)));
  await world.settle();
  world.topic.close();
  expect(notes.map(({ errors }) => errors[0]?.code)).toEqual(["ERR_CLOSED", "ERR_CLOSED", "ERR_CLOSED"]);
  const { lookups } = world;
  await world.settle(5_000);
  expect([world.watchers, world.clock.timers, world.lookups]).toEqual([0, 0, lookups]);
});

describe("a memo", () => {
  const address = { realm: "", exchange: "default", topic: "t" };

  test("knows where requests of an address wait", () => {
    const { topic } = new World();
    expect(new Memo(address, topic)).toMatchObject({ mode: "topic", line: topic.any() });
    expect(new Memo({ ...address, server: "b" }, topic)).toMatchObject({ mode: "server", line: topic.server("b") });
    expect(new Memo({ ...address, fanout: true }, topic)).toMatchObject({ mode: "fanout", line: undefined });
  });

  test("finds a request's key, whatever came before it", () => {
    const { topic } = new World();
    const memo = new Memo(address, topic);
    const names = [
      { method: "a" },
      { method: "a", version: "1.0" },
      { method: "b" },
      { method: "a", namespace: "n" },
      { method: "a" },
    ];
    for (const part of [...names, ...names]) {
      expect(memo.keyOf(request({}, part))).toBe(topic.methods.of("topic", part.namespace, part.version, part.method));
    }
  });
});
