import { AuthError, ClosedError, ConnectError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { lostConnection } from "../../src/connection/broker-error.js";
import type { Link, LinkUser } from "../../src/connection/link.js";
import type { Session } from "../../src/connection/session.js";
import { Inbox } from "../../src/receiving/inbox.js";
import type { Binding } from "../../src/topology/declarations.js";
import { Declarer } from "../../src/topology/declare.js";
import { ScriptedChannel } from "../support/scripted-channel.js";

const binding = (key: string): Binding => ({
  exchange: { name: "control", type: "topic", durable: true, autoDelete: false },
  key,
});

/** A link in the hand of the test, with the inbox on it. */
class Scene {
  readonly clock = new ManualClock();
  readonly inbox: Inbox;
  #user: LinkUser | undefined;

  constructor() {
    const use = (user: LinkUser): void => {
      this.#user = user;
    };
    const link = { use, leave: () => {}, state: "connecting", refusal: undefined, session: undefined };
    this.inbox = new Inbox({
      link: link as unknown as Link,
      queue: { name: "inbox", durable: true, autoDelete: false, arguments: {} },
      declarer: new Declarer(() => undefined),
      clock: this.clock,
      pace: { delayMs: () => 100 },
      startWithinMs: 5_000,
      onMessage: () => {},
      onUp: () => {},
      warn: () => {},
    });
  }

  async connect(): Promise<ScriptedChannel> {
    const scripted = new ScriptedChannel();
    const session = { place: "mq:5672", channel: async () => scripted.channel };
    this.#user?.opened(session as unknown as Session);
    await this.clock.tick();
    return scripted;
  }

  lose(channel: ScriptedChannel): void {
    channel.end();
    this.#user?.lost(lostConnection("mq:5672", undefined));
  }

  refuse(): void {
    this.#user?.refused?.(new AuthError("rabbit refused the credentials"));
  }

  /** An inbox that is consumed already, as by a server before this one. */
  static async up(): Promise<{ readonly scene: Scene; readonly channel: ScriptedChannel }> {
    const scene = new Scene();
    const started = scene.inbox.start();
    const channel = await scene.connect();
    await started;
    return { scene, channel };
  }
}

describe("a binding (E2, E5)", () => {
  test("is there at once while the inbox is consumed", async () => {
    const { scene, channel } = await Scene.up();
    await scene.inbox.bind(binding("a"));
    expect(channel.bound).toEqual(["a"]);
  });

  test("whose channel ends as it is made is made on the next, and only then it is there", async () => {
    const { scene, channel } = await Scene.up();
    channel.hangs = true;
    let isThere = false;
    const bound = scene.inbox.bind(binding("a")).then(() => {
      isThere = true;
    });
    await scene.clock.tick();
    scene.lose(channel);
    await scene.clock.tick(100);
    expect(isThere).toBe(false);
    const next = await scene.connect();
    await bound;
    expect(next.bound).toContain("a");
  });

  test("that is asked for while the link is lost waits for it", async () => {
    const { scene, channel } = await Scene.up();
    scene.lose(channel);
    let isThere = false;
    const bound = scene.inbox.bind(binding("a")).then(() => {
      isThere = true;
    });
    await scene.clock.tick(100);
    expect(isThere).toBe(false);
    const next = await scene.connect();
    await bound;
    expect(next.bound).toContain("a");
  });

  test("is waited for no longer than a start", async () => {
    const { scene, channel } = await Scene.up();
    scene.lose(channel);
    const bound = expect(scene.inbox.bind(binding("a"))).rejects.toThrow(ConnectError);
    await scene.clock.tick(5_000);
    await bound;
  });

  test("is not waited for where the broker refuses this process, nor where the inbox closes", async () => {
    const { scene, channel } = await Scene.up();
    scene.lose(channel);
    const refused = expect(scene.inbox.bind(binding("a"))).rejects.toThrow(AuthError);
    await scene.clock.tick();
    scene.refuse();
    await refused;
    const closed = expect(scene.inbox.bind(binding("b"))).rejects.toThrow(ClosedError);
    await scene.clock.tick();
    await scene.inbox.close();
    await closed;
    expect(scene.clock.timers).toBe(0);
  });

  test("is waited for no more, now or later, once the transport closes: its listeners are closed before the inbox is", async () => {
    const { scene, channel } = await Scene.up();
    scene.lose(channel);
    const waiting = expect(scene.inbox.bind(binding("a"))).rejects.toThrow(ClosedError);
    await scene.clock.tick();
    scene.inbox.giveUp();
    await waiting;
    await expect(scene.inbox.bind(binding("b"))).rejects.toThrow(ClosedError);
    expect(scene.clock.timers).toBe(0);
  });

  test("that the broker refuses for good fails with its words, and is not tried again", async () => {
    const { scene, channel } = await Scene.up();
    channel.refusesBindings = Object.assign(new Error("ACCESS_REFUSED"), { code: 403 });
    await expect(scene.inbox.bind(binding("a"))).rejects.toThrow("ACCESS_REFUSED");
    expect(channel.bound).toEqual([]);
  });
});
