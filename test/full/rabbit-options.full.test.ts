import { randomBytes } from "node:crypto";
import { OverloadedError, openTransport, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasPrivateRabbit, privateRabbitForTests } from "../support/rabbit.js";

const own = privateRabbitForTests({ tls: true, external: true });

interface Site {
  readonly vhost: string;
  open(query?: Readonly<Record<string, string | number | boolean>>, sendTimeoutMs?: number): Promise<Transport>;
}

async function site(scheme: "rabbit" | "rabbit+oslo" = "rabbit"): Promise<Site> {
  const vhost = `options-${randomBytes(4).toString("hex")}`;
  await own.broker.addVhost(vhost);
  return {
    vhost,
    async open(query = {}, sendTimeoutMs = 10_000) {
      const url = own.broker.url({ scheme, vhost, query });
      const transport = await openTransport(url, { drivers: [driver], sendTimeoutMs });
      onTestFinished(() => transport.close());
      return transport;
    },
  };
}

/** Resolves with what it rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.skipIf(!hasPrivateRabbit)("what docs/drivers/rabbit.md says of options", () => {
  test.each([
    ["rabbit", "tls=true&tlsCaFile=CA&login=external&tlsCertFile=CERT&tlsKeyFile=KEY"],
    ["rabbit+oslo", "ssl=true&ssl_ca_file=CA&rabbit_login_method=EXTERNAL&ssl_cert_file=CERT&ssl_key_file=KEY"],
  ])("%s: a client certificate says who this is, and nobody needs a password", async (scheme, query) => {
    const { tlsFiles, tlsPort, host } = own.broker;
    const files = { CA: tlsFiles?.ca, CERT: tlsFiles?.clientCert, KEY: tlsFiles?.clientKey };
    const filled = query.replaceAll(/CA|CERT\b|KEY\b/g, (word) =>
      encodeURIComponent(files[word as keyof typeof files] ?? ""),
    );
    const url = `${scheme}://${host}:${tlsPort}/?${filled}`;
    const transport = await openTransport(url, { drivers: [driver] });
    onTestFinished(() => transport.close());
    await transport.serve({ topic: "work", server: "s1" }, { echo: (params: object) => params });
    expect(await transport.client({ topic: "work" }).call("echo", { n: 1 })).toEqual({ n: 1 });
  });

  test("maxLength: a full queue of casts slows its sender to its deadline", async () => {
    const { open } = await site();
    const host = await open({ maxLength: 3 });
    const server = await host.serve({ topic: "work", server: "s1" }, { note: () => {} });
    await server.stop();
    const sender = await open({ maxLength: 3 }, 1_500);
    const client = sender.client({ topic: "work" });
    const errors: unknown[] = [];
    // A quorum queue counts a little late.
    while (errors.length === 0) {
      const error = await failureOf(client.cast("note", {}));
      if (error !== undefined) errors.push(error);
    }
    expect(errors[0]).toBeInstanceOf(OverloadedError);
    await host.serve({ topic: "work", server: "s1" }, { note: () => {} });
    await until(async () => (await failureOf(client.cast("note", {}))) === undefined, { withinMs: 10_000 });
  });

  test("maxEvents: an event that finds its queue full is refused", async () => {
    const { open } = await site();
    const sender = await open({ maxEvents: 3 });
    const notifier = sender.notifier({ publisherId: "p", topics: ["events"] });
    let error: unknown;
    while (error === undefined) error = await failureOf(notifier.info("happened", 1));
    expect(error).toBeInstanceOf(OverloadedError);
  });

  test("unclaimedEvents: kept where nobody has listened, or dropped", async () => {
    const { open, vhost } = await site();
    const dropping = await open({ unclaimedEvents: "drop" });
    await dropping.notifier({ publisherId: "p", topics: ["events"] }).info("dropped", 1);
    expect((await own.broker.queues(vhost)).map(({ name }) => name)).toEqual([]);
    const keeping = await open();
    await keeping.notifier({ publisherId: "p", topics: ["events"] }).info("kept", 2);
    const seen: string[] = [];
    await keeping.listen([{ topic: "events" }], { info: ({ eventType }) => void seen.push(eventType) });
    await until(() => seen.length > 0);
    expect(seen).toEqual(["kept"]);
  });

  test("consumerTimeoutMs: a handler that takes half of it is acknowledged early, with a warning, and its caller has the answer", async () => {
    const { open, vhost } = await site();
    const host = await open({ consumerTimeoutMs: 2_000 });
    const warnings: string[] = [];
    host.events.on("warning", ({ message }) => void warnings.push(message));
    let finish: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await host.serve({ topic: "work", server: "s1" }, { hold: () => running.then(() => "done") });
    const call = host.client({ topic: "work" }).call("hold", {}, { timeoutMs: 30_000 });
    await until(() => warnings.length > 0, { withinMs: 10_000 });
    expect(warnings[0]).toMatch(/hold of topic "work" as server "s1" has run for \d s, half of what the broker allows/);
    await until(async () => (await own.broker.queues(vhost)).every(({ messagesUnacknowledged: held }) => held === 0));
    finish();
    expect(await call).toBe("done");
  });

  test("queueMessages: what would wait here beyond it is refused at once", async () => {
    const { open } = await site();
    const sender = await open({ queueMessages: 5 }, 2_000);
    await sender.serve({ topic: "work", server: "s1" }, { note: () => {} });
    const client = sender.client({ topic: "work" });
    await client.cast("note", {});
    await own.broker.setMemoryAlarm(true);
    onTestFinished(() => own.broker.setMemoryAlarm(false));
    const casts = Array.from({ length: 8 }, () => failureOf(client.cast("note", {})));
    const beyond = await Promise.all(casts.slice(5));
    expect(beyond.every((error) => error instanceof OverloadedError)).toBe(true);
    await own.broker.setMemoryAlarm(false);
    await Promise.all(casts);
  });

  test("maxMessageBytes: what is below it is answered, however much is asked at once; what is above is refused by name", async () => {
    const { open } = await site();
    const transport = await open({ maxMessageBytes: 1_024 });
    const echo = ({ text }: { readonly text: string }): string => text;
    await transport.serve({ topic: "work", server: "s1" }, { echo });
    const client = transport.client({ topic: "work" });
    const text = "x".repeat(600);
    const answers = await Promise.all(Array.from({ length: 64 }, () => client.call("echo", { text })));
    expect(new Set(answers)).toEqual(new Set([text]));
    expect(await failureOf(client.call("echo", { text: "x".repeat(2_000) }))).toMatchObject({
      code: "ERR_MESSAGE_TOO_LARGE",
    });
  });

  test("use_queue_manager: transports and servers of one process do not share what is each one's own", async () => {
    const { open } = await site("rabbit+oslo");
    const query = { use_queue_manager: true, hostname: "h1", processname: `p-${randomBytes(4).toString("hex")}` };
    const [first, second] = [await open(query), await open(query)];
    const seen: string[] = [];
    const endpoint = (server: string) => ({ note: () => void seen.push(server), echo: ({ n }: { n: number }) => n });
    for (const server of ["s1", "s2"]) await first.serve({ topic: "work", server }, endpoint(server));
    await second.client({ topic: "work" }).fanout("note", {});
    const calls = [first, second].flatMap((transport) => {
      const client = transport.client({ topic: "work" }, { timeoutMs: 10_000 });
      return Array.from({ length: 10 }, (_, n) => client.call("echo", { n }));
    });
    await Promise.all(calls);
    await until(() => seen.length === 2);
    expect(seen.toSorted()).toEqual(["s1", "s2"]);
  });

  test("expiresMs: a queue that nobody uses goes away", async () => {
    const { open, vhost } = await site();
    const transport = await open({ expiresMs: 1_000 });
    await transport.serve({ topic: "work", server: "s1" }, { note: () => {} });
    const names = async (): Promise<string[]> => (await own.broker.queues(vhost)).map(({ name }) => name);
    expect(await names()).toContain("trunkline.cast-expires1000.default.work");
    await transport.close();
    await until(async () => (await names()).length === 0, { withinMs: 20_000 });
  });
});
