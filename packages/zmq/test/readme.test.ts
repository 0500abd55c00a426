import { readFileSync } from "node:fs";
import { InvalidTransportUrlError } from "@trunkline/core";
import { expect, test } from "vitest";
import { optionsSchema } from "../src/options.js";
import { freePort } from "./support/free-port.js";
import { localUrl, opened, runtimeDirectory } from "./support/transports.js";

const page = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The rows of the table that begins with such a head, cell by cell. */
function table(head: string): string[][] {
  const start = page.indexOf(`\n| ${head} |`);
  expect(start, head).toBeGreaterThan(0);
  const [lines = ""] = page.slice(start + 1).split("\n\n");
  return lines
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const names = (cell = ""): string[] => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name = ""]) => name);

test("each option is there, with its default and its bounds", () => {
  const rows = table("option | default | bounds");
  expect(rows.map(([name]) => names(name)[0]).toSorted()).toEqual(Object.keys(optionsSchema.shape).toSorted());
  const defaults = optionsSchema.parse({}) as Readonly<Record<string, unknown>>;
  for (const [cell, said = "", bounds = ""] of rows) {
    const [name = ""] = names(cell);
    const real = defaults[name];
    expect(
      real === undefined ? ["none", "see below"].includes(said) : said.replaceAll("`", "") === String(real),
      name,
    ).toBe(true);
    const accepts = (value: unknown): boolean => optionsSchema.safeParse({ [name]: String(value) }).success;
    const [least, most] = [...bounds.matchAll(/\d+/g)].map(([number]) => Number(number));
    if (least === undefined) continue;
    if (bounds.startsWith("above")) {
      expect([accepts(least), accepts(0.5)], name).toEqual([false, true]);
      continue;
    }
    expect([accepts(least), accepts(least - 1)], name).toEqual([true, false]);
    if (most !== undefined) expect([accepts(most), accepts(most + 1)], name).toEqual([true, false]);
  }
});

test("the manifest is what the table says", async () => {
  const transport = await opened(localUrl(await runtimeDirectory()));
  const listed = await opened(`zmq://127.0.0.1:${await freePort()}?heartbeatTimeoutMs=10000&maxMessageBytes=100`);
  const said = new Map<string, string>();
  for (const [left, leftWord = "", right, rightWord = ""] of table("capability | | capability")) {
    for (const name of names(left)) said.set(name, leftWord);
    for (const name of names(right)) said.set(name, rightWord);
  }
  const { capabilities } = transport;
  for (const [name, value] of Object.entries(capabilities)) {
    const word = said.get(name);
    if (typeof value === "boolean") expect(word, name).toBe(value ? "yes" : "no");
    else if (typeof value === "string") expect(word, name).toBe(`\`${value}\``);
    else if (name !== "acceptance" && name !== "maxMessageBytes" && name !== "duplicateWindow") {
      expect(word?.startsWith(String(value)), `${name}: ${word}`).toBe(true);
    }
  }
  expect(said.get("acceptance.casts")).toBe(`\`${capabilities.acceptance.casts}\``);
  expect(said.get("acceptance.events")).toBe(`\`${capabilities.acceptance.events}\``);
  const { ids, ms } = capabilities.duplicateWindow;
  expect(said.get("duplicateWindow")).toBe(`${ids} ids, ${ms} ms`);
  expect(listed.capabilities).toMatchObject({ detectionMs: 12_000, joinLatencyMs: 1_000, maxMessageBytes: 100 });
});

test("each counter, gauge and field of a link is there", async () => {
  const transport = await opened(localUrl(await runtimeDirectory()));
  await transport.serve({ topic: "t", server: "s" }, [{ echo: (params: object) => params }]);
  await transport.client({ topic: "t" }).call("echo", {});
  const { counters, gauges, links } = transport.stats();
  expect(table("counter | since the transport opened").map(([name]) => names(name)[0])).toEqual(Object.keys(counters));
  expect(table("gauge | now").map(([name]) => names(name)[0])).toEqual(Object.keys(gauges));
  const [, sentence = ""] = /\n`links` has a row([\s\S]*?)\n\n/.exec(page) ?? [];
  const fields = new Set(links.flatMap((row) => Object.keys(row)));
  expect(new Set(names(sentence))).toEqual(fields);
});

test("one list serves all, each process's own address included", async () => {
  const ports = [await freePort(), await freePort()];
  const list = `zmq://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/realm`;
  const both = await Promise.all(ports.map((port) => opened(`${list}?bind=127.0.0.1:${port}`)));
  for (const [index, transport] of both.entries()) {
    await transport.serve({ topic: "t", server: `s${index}` }, [{ who: () => index }]);
  }
  for (const transport of both) {
    for (const index of [0, 1]) {
      expect(await transport.client({ topic: "t", server: `s${index}` }).call("who")).toBe(index);
    }
  }
});

test("what the URL must not have is refused, by its part", async () => {
  for (const [url, part] of [
    ["zmq://user:secret@127.0.0.1:7400", "credentials"],
    ["zmq://127.0.0.1", "port"],
    ["zmq+redis://127.0.0.1:7400", "variant"],
    ["zmq://?bind=*:7400", "option:security"],
    ["zmq://?bind=nowhere", "option:bind"],
    ["zmq://127.0.0.1:7400?runtimeDir=/tmp/x", "option:runtimeDir"],
    ["zmq://?engine=other", "option:engine"],
  ] as const) {
    const error: unknown = await opened(url).catch((reason: unknown) => reason);
    expect(error, url).toBeInstanceOf(InvalidTransportUrlError);
    expect((error as InvalidTransportUrlError).part, url).toBe(part);
    expect(String(error)).not.toContain("secret@");
  }
});
