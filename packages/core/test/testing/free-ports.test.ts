import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "../../src/testing.js";

test("ports are different, can be listened on, and are none of those given to outgoing connections", async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(port).toBeGreaterThan(1024);
    expect(port).toBeLessThan(32_768);
    const server = createServer();
    onTestFinished(() => void server.close());
    await once(server.listen(port, "127.0.0.1"), "listening");
  }
  const more = await freePorts(20);
  expect(more.filter((port) => ports.includes(port))).toEqual([]);
});

test("asking for none gives none", async () => {
  await expect(freePorts(0)).resolves.toEqual([]);
});
