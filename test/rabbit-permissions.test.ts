import { openTransport, REQUEUE, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasRabbitControl, rabbitForTests } from "./support/rabbit.js";

const rabbit = rabbitForTests();

/** What docs/drivers/rabbit.md gives a service, and one that only sends. */
const SERVICE = { configure: "^trunkline\\.", write: "^(trunkline\\.|amq\\.default$)", read: "^trunkline\\." };
const SENDER = {
  configure: "^trunkline\\.(inbox|fanout|events?)\\.",
  write: "^(trunkline\\.|amq\\.default$)",
  read: "^trunkline\\.(inbox|events)\\.",
};

async function openAs(user: string, permissions: typeof SERVICE): Promise<Transport> {
  await rabbit.control.addUser(user, "secret");
  onTestFinished(() => rabbit.control.deleteUser(user));
  await rabbit.control.setPermissions(user, rabbit.vhost, permissions);
  const transport = await openTransport(rabbit.url({ user, password: "secret" }), { drivers: [driver] });
  onTestFinished(() => transport.close());
  return transport;
}

describe.skipIf(!hasRabbitControl)("permissions on the broker", () => {
  test("those of docs/drivers/rabbit.md are enough: for a service, and for one that only sends", async () => {
    const service = await openAs("service", SERVICE);
    const seen: string[] = [];
    const note = ({ id }: { readonly id: string }): void => void seen.push(id);
    await service.serve({ topic: "work", server: "s1" }, { note, echo: ({ id }: { readonly id: string }) => id });
    const handled = new Map<unknown, number>();
    await service.listen(
      [{ topic: "events" }],
      {
        info({ payload }, { attempt }) {
          handled.set(payload, attempt);
          return attempt === 1 ? REQUEUE : undefined;
        },
      },
      { pool: "audit", requeueDelayMs: 50 },
    );
    for (const [name, sender] of [
      ["service", service],
      ["sender", await openAs("sender", SENDER)],
    ] as const) {
      const client = sender.client({ topic: "work" });
      expect(await client.call("echo", { id: name })).toBe(name);
      expect(await client.to({ server: "s1" }).call("echo", { id: name })).toBe(name);
      await client.cast("note", { id: `cast of ${name}` });
      await client.fanout("note", { id: `fanout of ${name}` });
      await sender.notifier({ publisherId: name, topics: ["events"] }).info("happened", name);
    }
    await until(() => seen.length === 4 && [...handled.values()].every((attempt) => attempt === 2));
    expect([...handled.keys()].toSorted()).toEqual(["sender", "service"]);
  });
});
