import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { hasPrivateRabbit, privateRabbitForTests } from "../support/rabbit.js";
import { RabbitScene, type Scheme } from "./support/rabbit-scene.js";
import type { Kind } from "./support/rabbit-traffic.js";

const LIMIT_MS = 240_000;
const FROZEN_MS = 5_000;
const ALARM_MS = 4_000;

/** What lives in the memory of a broker that dies: fanouts always; with oslo's names, as in its default, all. */
const LOST_WITH_THE_BROKER: Readonly<Record<Scheme, readonly Kind[]>> = {
  rabbit: ["fanout"],
  "rabbit+oslo": ["call", "directed", "cast", "fanout", "event"],
};

/** What was delivered on a connection that is lost, and acknowledged before it ran, or waited in a queue of that connection. */
const LOST_WITH_THE_CONNECTION: Readonly<Record<Scheme, readonly Kind[]>> = {
  rabbit: ["fanout"],
  "rabbit+oslo": ["fanout"],
};

const ALL_KINDS: readonly Kind[] = ["call", "directed", "cast", "fanout", "event"];

describe.skipIf(!hasPrivateRabbit).each(["rabbit", "rabbit+oslo"] as const)("%s, with traffic in flight", (scheme) => {
  const own = privateRabbitForTests();

  async function sceneWithTraffic(
    options: { readonly user?: string; readonly password?: string } = {},
  ): Promise<RabbitScene> {
    const scene = await RabbitScene.open(own.broker, scheme, options);
    scene.traffic.start();
    await scene.traffic.more(100);
    return scene;
  }

  test(
    "the broker is killed and started, three times",
    async () => {
      const scene = await sceneWithTraffic();
      for (let n = 1; n <= 3; n++) {
        await scene.fault(`SIGKILL ${n}`, async () => {
          await own.broker.kill();
          await own.broker.restart();
        });
        await scene.traffic.more(100);
      }
      // Queues of oslo's default die with the broker.
      const mayFailWith = scheme === "rabbit" ? [] : ["ERR_UNREACHABLE"];
      await scene.settles({ mayLose: LOST_WITH_THE_BROKER[scheme], mayFailWith });
    },
    LIMIT_MS,
  );

  test(
    "the broker closes every connection, five times",
    async () => {
      const scene = await sceneWithTraffic();
      for (let n = 1; n <= 5; n++) {
        await scene.fault(`connections closed ${n}`, async () => {
          expect(await own.broker.closeConnections(scene.vhost)).toBeGreaterThan(2);
        });
        await scene.traffic.more(60);
      }
      await scene.settles({ mayLose: LOST_WITH_THE_CONNECTION[scheme], mayFailWith: ["ERR_AUTH"] });
    },
    LIMIT_MS,
  );

  test(
    "each queue is deleted behind the driver's back, one after the other: its consumers are cancelled, and consume again",
    async () => {
      const scene = await sceneWithTraffic();
      const queues = await own.broker.queues(scene.vhost);
      expect(queues.length).toBeGreaterThan(6);
      for (const { name } of queues) {
        await scene.fault(`${name} deleted`, () => own.broker.deleteQueue(scene.vhost, name));
        await scene.traffic.more(20);
      }
      await scene.settles({ mayLose: ALL_KINDS, mayFailWith: ["ERR_UNREACHABLE"] });
    },
    LIMIT_MS,
  );

  test(
    "a memory alarm blocks the senders, and goes",
    async () => {
      const scene = await sceneWithTraffic();
      await scene.fault("memory alarm", async () => {
        await own.broker.setMemoryAlarm(true);
        await pause(ALARM_MS);
        await own.broker.setMemoryAlarm(false);
      });
      await scene.traffic.more(100);
      await scene.settles();
      expect(scene.warnings.join("\n")).toMatch(/takes no messages for now: low on memory/);
    },
    LIMIT_MS,
  );

  test(
    "the broker is frozen for five seconds",
    async () => {
      const scene = await sceneWithTraffic();
      await scene.fault("frozen", async () => {
        own.broker.freeze();
        await pause(FROZEN_MS);
        own.broker.thaw();
      });
      await scene.traffic.more(100);
      await scene.settles();
    },
    LIMIT_MS,
  );

  test(
    "after a reconnect the password is wrong: it is said, and when it is right again all works",
    async () => {
      const scene = await sceneWithTraffic({ user: `app-${scheme.length}`, password: "right" });
      await scene.fault("wrong password", async () => {
        await own.broker.setPassword(`app-${scheme.length}`, "another");
        await own.broker.closeConnections(scene.vhost);
        await scene.warnsOf(/does not let this process in again/);
        await own.broker.setPassword(`app-${scheme.length}`, "right");
      });
      await scene.traffic.more(100);
      await scene.settles({ mayLose: LOST_WITH_THE_CONNECTION[scheme], mayFailWith: ["ERR_AUTH"] });
    },
    LIMIT_MS,
  );
});
