import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "@trunkline/core/testing";
import { type ChannelModel, connect, credentials } from "amqplib";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  hasPrivateRabbit,
  hasRabbit,
  hasRabbitControl,
  privateRabbitForTests,
  rabbitForTests,
} from "../../../test/support/rabbit.js";
import { PrivateRabbit } from "../src/private-rabbit/private-rabbit.js";
import { RabbitControl, type RabbitUrlOptions } from "../src/private-rabbit/rabbit-control.js";

/** A client that is closed when the test is over. */
async function client(broker: RabbitControl, options: RabbitUrlOptions = {}): Promise<ChannelModel> {
  const { vhost = "/", user = "guest", password = "guest" } = options;
  // Not by a URL, of which this client reads escaped credentials as Latin-1; it unescapes a vhost in any case.
  const where = { hostname: broker.host, port: broker.port, vhost: encodeURIComponent(vhost) };
  const connection = await connect({ ...where, username: user, password });
  connection.on("error", () => {}); // each test says what it expects of it
  let isOpen = true;
  connection.on("close", () => {
    isOpen = false;
  });
  onTestFinished(async () => {
    if (isOpen) await connection.close().catch(() => {});
  });
  return connection;
}

/** Resolves with the error that the broker closes a connection with. */
function closed(connection: ChannelModel): Promise<Error | undefined> {
  return new Promise((resolve) => {
    connection.on("close", resolve);
  });
}

describe.skipIf(!hasPrivateRabbit)("a private RabbitMQ", { timeout: 120_000 }, () => {
  const own = privateRabbitForTests();

  test("its URL says where it is, and escapes what needs it", () => {
    const { broker } = own;
    const at = `127.0.0.1:${broker.port}`;
    expect(broker.url()).toBe(`rabbit://guest:guest@${at}`);
    expect(broker.url({ vhost: "/", scheme: "rabbit+oslo" })).toBe(`rabbit+oslo://guest:guest@${at}/%2F`);
    const odd = broker.url({ vhost: "a b", user: "ä", password: "p@:/", query: { heartbeatMs: 5, name: "x&y" } });
    expect(odd).toBe(`rabbit://%C3%A4:p%40%3A%2F@${at}/a%20b?heartbeatMs=5&name=x%26y`);
    expect(broker.url({ user: "", port: 1 })).toBe("rabbit://127.0.0.1:1");
  });

  test("its version is what it tells each client", async () => {
    const { serverProperties } = (await client(own.broker)).connection;
    expect(await own.broker.version()).toBe(serverProperties.version);
  });

  test("vhosts and users come and go by any name", async () => {
    const { broker } = own;
    const vhost = `ü"'>>.\n\\ % ${"x".repeat(100)}`;
    await broker.addVhost(vhost);
    await broker.addUser("Zoë", "first", { [vhost]: { configure: "" } });
    const zoe = await client(broker, { vhost, user: "Zoë", password: "first" });
    expect(await broker.connections(vhost)).toMatchObject([
      { user: "Zoë", vhost, channels: 0, isTls: false, mechanism: "PLAIN", clientProperties: { product: "amqplib" } },
    ]);
    const channel = await zoe.createChannel();
    channel.on("error", () => {});
    await expect(channel.assertQueue("q")).rejects.toThrow("ACCESS_REFUSED");
    await broker.setPermissions("Zoë", vhost);
    await (await zoe.createChannel()).assertQueue("q");

    await broker.setPassword("Zoë", "second");
    await expect(client(broker, { vhost, user: "Zoë", password: "first" })).rejects.toThrow("403");
    await client(broker, { vhost, user: "Zoë", password: "second" });
    await broker.deleteUser("Zoë");
    await expect(client(broker, { vhost, user: "Zoë", password: "second" })).rejects.toThrow("403");

    await client(broker, { vhost });
    await broker.deleteVhost(vhost);
    await expect(client(broker, { vhost })).rejects.toThrow();
    await until(async () => (await broker.connections()).length === 0, { what: "no connection" });
  });

  test("what it refuses says what was asked", async () => {
    const { broker } = own;
    await broker.addVhost("twice");
    await broker.addUser("twice", "x");
    await expect(broker.addUser("twice", "x")).rejects.toThrow(
      /^RabbitMQ did not add the user twice: .*user_already_exists/,
    );
    await expect(broker.deleteVhost("none")).rejects.toThrow(/did not delete the vhost none: .*no_such_vhost/);
    await expect(broker.queues("none")).resolves.toEqual([]);
    await expect(broker.deleteQueue("twice", "none")).rejects.toThrow(
      /did not delete the queue none of twice: .*not_found/,
    );
    await broker.deleteUser("twice");
    await broker.deleteVhost("twice");
  });

  test("queues are counted at the time of asking, of each type", async () => {
    const { broker } = own;
    await broker.addVhost("counted");
    const channel = await (await client(broker, { vhost: "counted" })).createConfirmChannel();
    for (const type of ["classic", "quorum"]) {
      const args = { "x-queue-type": type, "x-max-length": 50 };
      await channel.assertQueue(type, { durable: true, arguments: args });
      const row = { name: type, type, durable: true, autoDelete: false, exclusive: false, arguments: args };
      const counts = async (): Promise<object | undefined> =>
        (await broker.queues("counted")).find((q) => q.name === type);
      expect(await counts()).toEqual({ ...row, messages: 0, messagesUnacknowledged: 0, consumers: 0 });
      for (let sent = 1; sent <= 5; sent++) {
        channel.sendToQueue(type, Buffer.from(`${sent}`));
        await channel.waitForConfirms();
        expect(await counts()).toMatchObject({ messages: sent });
      }
      await channel.prefetch(3);
      let got = 0;
      const { consumerTag } = await channel.consume(type, (message) => {
        if (++got === 1 && message !== null) channel.ack(message);
      });
      await until(() => got === 4, { what: "four deliveries" });
      await until(async () => {
        expect(await counts()).toMatchObject({ messages: 4, messagesUnacknowledged: 3, consumers: 1 });
        return true;
      });
      await channel.cancel(consumerTag);
      expect(await counts()).toMatchObject({ consumers: 0 });
      await broker.deleteQueue("counted", type);
      expect(await counts()).toBeUndefined();
    }
    await channel.assertQueue("mine", { exclusive: true, durable: false, autoDelete: true });
    expect(await broker.queues("counted")).toMatchObject([
      { name: "mine", type: "classic", exclusive: true, durable: false, autoDelete: true, arguments: {} },
    ]);
    await broker.deleteVhost("counted");
  });

  test("queues may have any name", async () => {
    const { broker } = own;
    await broker.addVhost("named");
    const channel = await (await client(broker, { vhost: "named" })).createChannel();
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 60 })
      // Of a name that it is given, the broker leaves out the ends of lines.
      .filter((text) => !/^amq\.|[\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(name, async (queue) => {
        await channel.assertQueue(queue);
        expect((await broker.queues("named")).map((row) => row.name)).toEqual([queue]);
        await broker.deleteQueue("named", queue);
      }),
      { numRuns: 100 },
    );
    await broker.deleteVhost("named");
  });

  test("exchanges and bindings are those that somebody declared", async () => {
    const { broker } = own;
    await broker.addVhost("shapes");
    const channel = await (await client(broker, { vhost: "shapes" })).createChannel();
    expect(await broker.exchanges("shapes")).toEqual([]);
    await channel.assertExchange("a", "topic", { durable: true });
    await channel.assertExchange("b", "fanout", {
      durable: false,
      autoDelete: true,
      internal: true,
      alternateExchange: "a",
    });
    await channel.assertQueue("q");
    await channel.bindQueue("q", "a", "x.#", { n: 1 });
    await channel.bindExchange("b", "a", "y");
    expect(await broker.exchanges("shapes")).toEqual([
      { name: "a", type: "topic", durable: true, autoDelete: false, internal: false, arguments: {} },
      {
        name: "b",
        type: "fanout",
        durable: false,
        autoDelete: true,
        internal: true,
        arguments: { "alternate-exchange": "a" },
      },
    ]);
    const bindings = await broker.bindings("shapes");
    expect(bindings.toSorted((a, b) => (a.destination < b.destination ? -1 : 1))).toEqual([
      { source: "a", destination: "b", destinationType: "exchange", routingKey: "y", arguments: {} },
      { source: "a", destination: "q", destinationType: "queue", routingKey: "x.#", arguments: { n: 1 } },
    ]);
    await broker.deleteVhost("shapes");
  });

  test("connections are closed from its side with a reason, those of a vhost or all", async () => {
    const { broker } = own;
    await broker.addVhost("closed");
    const [kept, one, two] = [
      await client(broker),
      await client(broker, { vhost: "closed" }),
      await client(broker, { vhost: "closed" }),
    ];
    const ends = [closed(one), closed(two)];
    expect(await broker.closeConnections("closed")).toBe(2);
    for (const end of ends) expect((await end)?.message).toContain("320 (CONNECTION-FORCED)");
    const last = closed(kept);
    await until(async () => (await broker.connections()).length === 1, { what: "one connection" });
    expect(await broker.closeConnections()).toBe(1);
    expect((await last)?.message).toContain("closed by a test");
    expect(await broker.closeConnections("none")).toBe(0);
    await broker.deleteVhost("closed");
  });

  test("its memory alarm blocks who publishes until it is ended", async () => {
    const { broker } = own;
    const connection = await client(broker);
    const heard: string[] = [];
    connection.on("blocked", (reason) => heard.push(`blocked: ${reason}`));
    connection.on("unblocked", () => heard.push("unblocked"));
    await broker.setMemoryAlarm(true);
    const channel = await connection.createConfirmChannel();
    channel.publish("", "nowhere", Buffer.alloc(0));
    const confirmed = channel.waitForConfirms();
    await until(() => heard.length === 1);
    await broker.setMemoryAlarm(false);
    await confirmed;
    await until(() => heard.length === 2);
    expect(heard).toEqual(["blocked: low on memory", "unblocked"]);
  });

  test("killed and started again it is the same broker with what was on disk", async () => {
    const { broker } = own;
    await broker.addVhost("kept");
    const connection = await client(broker, { vhost: "kept" });
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("q");
    channel.sendToQueue("q", Buffer.from("x"), { persistent: true });
    await channel.waitForConfirms();
    await broker.flush();
    const lost = closed(connection);
    await broker.kill();
    await lost;
    expect(broker.isRunning).toBe(false);
    await expect(client(broker)).rejects.toThrow("ECONNREFUSED");
    await broker.restart();
    expect(await broker.queues("kept")).toMatchObject([{ name: "q", messages: 1 }]);
    await (await client(broker, { vhost: "kept" })).createChannel();
    await broker.deleteVhost("kept");
  });

  test("stopped it closes its connections in peace, and starts again", async () => {
    const { broker } = own;
    const lost = closed(await client(broker));
    await broker.stop();
    expect((await lost)?.message).toContain("320 (CONNECTION-FORCED)");
    await expect(client(broker)).rejects.toThrow("ECONNREFUSED");
    await broker.restart();
    expect(await broker.connections()).toEqual([]);
    await client(broker);
  });

  test("frozen it answers nobody, and thawed it goes on", async () => {
    const { broker } = own;
    const connection = await client(broker);
    const channel = await connection.createChannel();
    broker.freeze();
    let isDeclared = false;
    const declared = channel.assertQueue("frozen", { exclusive: true }).then(() => {
      isDeclared = true;
    });
    const listed = broker.connections();
    // The socket takes what is sent to it, and nothing comes back: its system is well.
    await expect(connect(broker.url({ scheme: "amqp" }), { timeout: 300 })).rejects.toThrow();
    expect(isDeclared).toBe(false);
    broker.thaw();
    await declared;
    expect(await listed).toHaveLength(1);
  });

  test("another process controls it by its coordinates", async () => {
    const coordinates: typeof own.broker.coordinates = JSON.parse(JSON.stringify(own.broker.coordinates));
    const control = await RabbitControl.attach(coordinates);
    onTestFinished(() => control.detach());
    await control.addVhost("theirs");
    await client(own.broker, { vhost: "theirs" });
    expect(await control.connections("theirs")).toHaveLength(1);
    expect(control.url()).toBe(own.broker.url());
    await control.deleteVhost("theirs");
    await control.detach();
    await expect(control.connections()).rejects.toThrow("the control channel is closed");
    await own.broker.connections();
  });
});

describe.skipIf(!hasPrivateRabbit)("a private RabbitMQ with TLS", { timeout: 120_000 }, () => {
  const own = privateRabbitForTests({ tls: true, external: true, config: "heartbeat = 7\nchannel_max = 11" });

  async function options(): Promise<{ ca: Buffer[]; cert: Buffer; key: Buffer }> {
    const files = own.broker.tlsFiles;
    if (files === undefined) throw new Error("there are no files");
    return {
      ca: [await readFile(files.ca)],
      cert: await readFile(files.clientCert),
      key: await readFile(files.clientKey),
    };
  }

  test("takes clients that trust its authority, with or without a certificate of their own", async () => {
    const { broker } = own;
    const url = broker.url({
      scheme: "amqps",
      vhost: "/",
      ...(broker.tlsPort === undefined ? {} : { port: broker.tlsPort }),
    });
    const { ca } = await options();
    const other = await readFile(broker.tlsFiles?.otherCa ?? "");
    for (const host of ["localhost", "127.0.0.1"]) {
      const connection = await connect(url.replace("127.0.0.1", host), { ca });
      const rows = await until(async () => (await broker.connections()).length === 1 && broker.connections());
      expect(rows).toMatchObject([{ isTls: true, mechanism: "PLAIN" }]);
      await connection.close();
      await until(async () => (await broker.connections()).length === 0);
    }
    await expect(connect(url, { ca: [other] })).rejects.toThrow(/certificate/);
    await expect(connect(url)).rejects.toThrow(/certificate/);
  });

  test("takes a client by its certificate alone", async () => {
    const { broker } = own;
    const url = broker.url({
      user: "",
      scheme: "amqps",
      vhost: "/",
      ...(broker.tlsPort === undefined ? {} : { port: broker.tlsPort }),
    });
    const connection = await connect(url, { ...(await options()), credentials: credentials.external() });
    expect(await broker.connections()).toMatchObject([{ isTls: true, mechanism: "EXTERNAL", user: "guest" }]);
    await connection.close();
  });

  test("takes the settings that it is given", async () => {
    const connection = await client(own.broker);
    const tuned: object = connection.connection;
    expect(tuned).toMatchObject({ heartbeat: 7, channelMax: 11 });
  });

  test("leaves nothing when it is ended, twice or when it was killed", async () => {
    const { broker } = own;
    const folder = broker.coordinates.home;
    expect(existsSync(folder)).toBe(true);
    await broker.kill();
    await broker.end();
    await broker.end();
    expect(existsSync(folder)).toBe(false);
    await expect(broker.restart()).rejects.toThrow("it was ended");
    await expect(broker.connections()).rejects.toThrow("closed");
  });
});

describe.skipIf(!hasPrivateRabbit)("a private RabbitMQ that does not start", { timeout: 120_000 }, () => {
  test("tells the end of its log, and leaves nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tl-rabbit-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await expect(PrivateRabbit.start({ folder, config: "no_such_setting = 1" })).rejects.toThrow(
      /ended while it started; the end of its log:\n[\s\S]*no_such_setting/,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("the RabbitMQ that all test files share", { timeout: 120_000 }, () => {
  const shared = rabbitForTests();

  test.skipIf(!hasRabbit)("takes clients by its URL", async () => {
    const connection = await connect(shared.url({ scheme: "amqp" }));
    await connection.close();
    expect(shared.url({ scheme: "rabbit+oslo", query: { a: "b c" } })).toMatch(/^rabbit\+oslo:.*[?&]a=b%20c$/);
  });

  test.skipIf(!hasRabbitControl)("has a vhost for this file alone, and more where they are wanted", async () => {
    const other = await shared.addVhost();
    expect(other).not.toBe(shared.vhost);
    const connection = await connect(shared.url({ vhost: other, scheme: "amqp" }));
    expect(await shared.control.connections(other)).toHaveLength(1);
    expect(await shared.control.connections(shared.vhost)).toEqual([]);
    await connection.close();
  });
});
