// Over 300 lines: one matchmaker's promises, its sweep and its files.

import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError, ListenError } from "@trunkline/core/driver";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalMatchmaker } from "../../src/matchmaker/local-matchmaker.js";
import type { ListenerRecord, TopicKey } from "../../src/matchmaker/matchmaker.js";
import { newProcessToken, parseProcessToken } from "../../src/matchmaker/process-token.js";
import { decodeRecord, encodeRecord, topicDirectoryName } from "../../src/matchmaker/record-files.js";
import { defaultRuntimeDirectory } from "../../src/matchmaker/runtime-directory.js";
import { built, runChild } from "../support/run-child.js";
import { until } from "../support/until.js";

const key = (topic: string, kind: "rpc" | "events" = "rpc"): TopicKey => ({
  kind,
  realm: "",
  exchange: "trunkline",
  topic,
});

function record(address: string, overrides: Partial<ListenerRecord> = {}): ListenerRecord {
  return { ...key("compute"), server: "host1", address, incarnation: "i1", ...overrides };
}

/** Every file and directory below, as relative paths. */
function tree(root: string): string[] {
  for (;;) {
    try {
      return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
    } catch (error) {
      // A directory was removed between its parent's reading and its own.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}

describe("the local matchmaker", () => {
  let root = "";
  let matchmakers: LocalMatchmaker[] = [];
  let dropped: string[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "trunkline-mm-"));
    matchmakers = [];
    dropped = [];
  });

  afterEach(async () => {
    await Promise.all(matchmakers.map((matchmaker) => matchmaker.close()));
    rmSync(root, { recursive: true, force: true });
  });

  async function opened(): Promise<LocalMatchmaker> {
    const matchmaker = new LocalMatchmaker({ runtimeDir: root, onDropped: (reason) => dropped.push(reason) });
    matchmakers.push(matchmaker);
    await matchmaker.open();
    return matchmaker;
  }

  test("what one registers another finds at once, and not after it was withdrawn", async () => {
    const one = await opened();
    const other = await opened();
    const mine = record(await one.listenAddress());
    expect(await other.lookup(key("compute"))).toEqual([]);
    const lease = await one.register(mine);
    expect(await other.lookup(key("compute"))).toEqual([mine]);
    await lease.withdraw();
    await lease.withdraw();
    expect(await other.lookup(key("compute"))).toEqual([]);
    expect(tree(root)).toEqual([]);
  });

  test("each process has an address of its own, short and below the runtime directory", async () => {
    const one = await opened();
    const other = await opened();
    const address = await one.listenAddress();
    expect(await one.listenAddress()).toBe(address);
    expect(await other.listenAddress()).not.toBe(address);
    expect(address.startsWith(`ipc://${root}/`)).toBe(true);
    expect(address.length - `ipc://${root}/`.length).toBeLessThan(40);
  });

  test("listeners of one topic are found together, those of others apart", async () => {
    const one = await opened();
    const address = await one.listenAddress();
    const events: ListenerRecord = {
      ...key("compute", "events"),
      pool: "billing",
      priorities: ["info", "error"],
      address,
      incarnation: "i1",
    };
    const poolless: ListenerRecord = { ...key("compute", "events"), address, incarnation: "i1" };
    await one.register(record(address, { server: "a" }));
    await one.register(record(address, { server: "b" }));
    await one.register(record(address, { topic: "compute.host1" }));
    await one.register(record(address, { realm: "other" }));
    await one.register(record(address, { exchange: "other" }));
    await one.register(events);
    await one.register(poolless);
    const servers = (await one.lookup(key("compute"))).map(({ server }) => server);
    expect(servers.sort()).toEqual(["a", "b"]);
    const pools = await one.lookup(key("compute", "events"));
    expect(pools).toHaveLength(2);
    expect(pools).toEqual(expect.arrayContaining([events, poolless]));
  });

  test("names are kept apart whatever they hold", async () => {
    const one = await opened();
    const address = await one.listenAddress();
    const name = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("..", "/", "a/b", "a\u0000b", ".json", "*", "ä", "a\u0308"),
    );
    const names = fc.record({ realm: name, exchange: name, topic: name, server: name });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(names, { maxLength: 4, selector: (each) => JSON.stringify(each) }),
        async (all) => {
          const leases = await Promise.all(all.map((each) => one.register(record(address, each))));
          for (const each of all) {
            const found = await one.lookup({ kind: "rpc", ...each });
            const same = all.filter(
              (it) => it.realm === each.realm && it.exchange === each.exchange && it.topic === each.topic,
            );
            expect(found.map(({ server }) => server).sort()).toEqual(same.map(({ server }) => server).sort());
          }
          await Promise.all(leases.map((lease) => lease.withdraw()));
        },
      ),
      { numRuns: 25 },
    );
    expect(tree(root)).toEqual([]);
  });

  test("two topics of one hash are told apart by their whole names", async () => {
    const one = await opened();
    const stranger = record(await one.listenAddress(), { topic: "another" });
    const directory = join(root, topicDirectoryName(key("compute")));
    mkdirSync(directory);
    writeFileSync(join(directory, `${newProcessToken().text}-1.json`), encodeRecord(stranger));
    expect(await one.lookup(key("compute"))).toEqual([]);
    expect(dropped).toEqual([]);
  });

  test("a file that is no record is counted once and left aside", async () => {
    const one = await opened();
    const mine = record(await one.listenAddress());
    await one.register(mine);
    const directory = join(root, topicDirectoryName(key("compute")));
    const noise = [
      "",
      "{",
      "null",
      "[]",
      '"text"',
      '{"format":1}',
      JSON.stringify({ ...mine, format: 2 }),
      JSON.stringify({ ...mine, format: 1, topic: 7 }),
    ];
    noise.forEach((text, index) => {
      writeFileSync(join(directory, `${newProcessToken().text}-${index}.json`), text);
    });
    writeFileSync(join(directory, "notes.txt"), "of no interest");
    expect(await one.lookup(key("compute"))).toEqual([mine]);
    expect(await one.lookup(key("compute"))).toEqual([mine]);
    expect(dropped).toHaveLength(noise.length);
  });

  test("look-ups of one tick share a read, and a later one is fresh", async () => {
    const one = await opened();
    const other = await opened();
    const address = await other.listenAddress();
    const early = one.lookup(key("compute"));
    const shared = one.lookup(key("compute"));
    await other.register(record(address));
    const late = one.lookup(key("compute"));
    expect(await early).toEqual(await shared);
    expect(await late).toHaveLength(1);
  });

  test("a watch tells of the first record of a topic and of the last one's end", async () => {
    const one = await opened();
    const other = await opened();
    let changes = 0;
    const end = one.watch(key("compute"), () => {
      changes += 1;
    });
    expect(changes).toBe(0);
    const lease = await other.register(record(await other.listenAddress()));
    await until(() => changes > 0, "the watch told of the record");
    expect(await one.lookup(key("compute"))).toHaveLength(1);
    const before = changes;
    await lease.withdraw();
    await until(() => changes > before, "the watch told of the end");
    const again = changes;
    await other.register(record(await other.listenAddress()));
    await until(() => changes > again, "the watch told of a new directory of the same name");
    end();
    end();
  });

  test("a watch of one topic hears of no other", async () => {
    const one = await opened();
    let changes = 0;
    let sentinel = 0;
    one.watch(key("quiet"), () => {
      changes += 1;
    });
    one.watch(key("compute"), () => {
      sentinel += 1;
    });
    await one.register(record(await one.listenAddress()));
    await until(() => sentinel > 0, "the other watch told");
    expect(changes).toBe(0);
  });

  describe("what killed processes left", () => {
    /** Starts a process that listens and registers, and kills it. */
    async function killedProcess(): Promise<void> {
      const child = runChild(`
        import { createServer } from "node:net";
        import { LocalMatchmaker } from ${JSON.stringify(built("matchmaker/local-matchmaker.js"))};
        const matchmaker = new LocalMatchmaker({ runtimeDir: ${JSON.stringify(root)} });
        await matchmaker.open();
        const address = await matchmaker.listenAddress();
        createServer().listen(address.slice("ipc://".length), async () => {
          for (const topic of ["compute", "volume"]) {
            await matchmaker.register({ ...${JSON.stringify(record(""))}, topic, server: "killed", address });
          }
          console.log("ready");
        });
      `);
      await child.line();
      child.kill("SIGKILL");
      await child.ended;
    }

    test("is removed when the next one opens", async () => {
      await killedProcess();
      expect(tree(root).length).toBe(5);
      const one = await opened();
      await until(
        () => tree(root).length === 0,
        () => `all is gone: ${tree(root).join(" ")}`,
      );
      expect(await one.lookup(key("compute"))).toEqual([]);
    });

    test("is removed when somebody who dialled it was refused", async () => {
      const one = await opened();
      const mine = await one.register(record(await one.listenAddress()));
      await killedProcess();
      const found = await one.lookup(key("compute"));
      expect(found).toHaveLength(2);
      for (const each of found) one.refused(each);
      await until(
        () => tree(root).filter((path) => path.endsWith(".json")).length === 2,
        "its record of this topic is gone",
      );
      expect((await one.lookup(key("compute"))).map(({ server }) => server)).toEqual(["host1"]);
      for (const each of await one.lookup(key("volume"))) one.refused(each);
      await until(
        () => tree(root).length === 2,
        () => `all but mine is gone: ${tree(root).join(" ")}`,
      );
      await mine.withdraw();
    });

    test("is told from what a living process has, whatever its socket says", async () => {
      const living = await opened();
      const mine = record(await living.listenAddress());
      await living.register(mine);
      const one = await opened();
      one.refused(mine);
      await one.close();
      expect(await living.lookup(key("compute"))).toEqual([mine]);
    });

    test("is told from what a process has that is not seen from here but answers", async () => {
      // A process id that no process of this system has, and a socket that answers: a process in another container.
      const elsewhere = `${(2 ** 30).toString(36)}-1-0123abcd`;
      const path = join(root, `${elsewhere}.sock`);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const theirs = record(`ipc://${path}`, { server: "elsewhere" });
      const directory = join(root, topicDirectoryName(key("compute")));
      mkdirSync(directory);
      writeFileSync(join(directory, `${elsewhere}-1.json`), encodeRecord(theirs));
      const one = await opened();
      one.refused(theirs);
      await one.close();
      expect(await one.lookup(key("compute"))).toEqual([theirs]);
      await new Promise((resolve) => server.close(resolve));
      await (await opened()).close();
      expect(tree(root)).toEqual([]);
    });

    test("is known although its process id was given again", async () => {
      const mine = newProcessToken();
      if (mine.started === 0) return; // This system does not tell when a process started.
      const former = `${mine.pid.toString(36)}-${(mine.started - 1).toString(36)}-0123abcd`;
      const directory = join(root, topicDirectoryName(key("compute")));
      mkdirSync(directory);
      writeFileSync(join(directory, `${former}-1.json`), encodeRecord(record(`ipc://${root}/${former}.sock`)));
      writeFileSync(join(directory, `${former}-2.json.tmp`), "half");
      await (await opened()).close();
      expect(tree(root)).toEqual([]);
    });

    test("does not include files of others", async () => {
      writeFileSync(join(root, "notes.txt"), "keep me");
      mkdirSync(join(root, "rpc-notes"));
      writeFileSync(join(root, "rpc-notes", "keep.json"), "me too");
      await (await opened()).close();
      expect(tree(root)).toEqual(["notes.txt", "rpc-notes", "rpc-notes/keep.json"]);
    });
  });

  test("close removes all of this process and nothing of others", async () => {
    const one = await opened();
    const other = await opened();
    await Promise.all(["a", "b", "c"].map(async (topic) => one.register(record(await one.listenAddress(), { topic }))));
    const theirs = record(await other.listenAddress());
    await other.register(theirs);
    const late = one.register(record(await one.listenAddress(), { topic: "late" })).catch(() => undefined);
    await one.close();
    await late;
    expect(tree(root)).toHaveLength(2);
    expect(await other.lookup(key("compute"))).toEqual([theirs]);
    await other.close();
    expect(tree(root)).toEqual([]);
    await expect(one.register(theirs)).rejects.toThrow(ListenError);
  });

  test("processes that come and go at one topic do not hinder each other", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => opened()));
    await Promise.all(
      all.map(async (matchmaker) => {
        const address = await matchmaker.listenAddress();
        for (let round = 0; round < 25; round += 1) {
          const lease = await matchmaker.register(record(address));
          expect((await matchmaker.lookup(key("compute"))).some((found) => found.address === address)).toBe(true);
          await lease.withdraw();
        }
      }),
    );
    expect(tree(root)).toEqual([]);
  });

  describe("its directory", () => {
    test("is made for its owner alone", async () => {
      root = join(root, "deeper", "still");
      await opened();
      expect(statSync(root).mode & 0o777).toBe(0o700);
    });

    test("is $XDG_RUNTIME_DIR/trunkline, else in the folder for temporary files", () => {
      expect(defaultRuntimeDirectory({ XDG_RUNTIME_DIR: "/run/user/7" })).toBe("/run/user/7/trunkline");
      const fallback = join(tmpdir(), `trunkline-${process.getuid?.()}`);
      expect(defaultRuntimeDirectory({})).toBe(fallback);
      expect(defaultRuntimeDirectory({ XDG_RUNTIME_DIR: "" })).toBe(fallback);
      expect(defaultRuntimeDirectory({ XDG_RUNTIME_DIR: "relative" })).toBe(fallback);
    });

    async function refused(path: string, why: RegExp): Promise<void> {
      const matchmaker = new LocalMatchmaker({ runtimeDir: path });
      matchmakers.push(matchmaker);
      const opening = matchmaker.open();
      await expect(opening).rejects.toThrow(ConnectError);
      await expect(opening).rejects.toThrow(why);
      await expect(opening).rejects.toThrow(/runtimeDir|chmod/u);
      const listening = matchmaker.listenAddress();
      await expect(listening).rejects.toThrow(ListenError);
      await expect(listening).rejects.toThrow(why);
    }

    test("is refused where others may write", async () => {
      chmodSync(root, 0o777);
      await refused(root, /may be written by other users \(mode 777\)/u);
    });

    test("is refused where it is a file", async () => {
      writeFileSync(join(root, "file"), "");
      await refused(join(root, "file"), /is no directory/u);
      await refused(join(root, "file", "below"), /is no directory/u);
    });

    test.skipIf(process.platform !== "linux")("is refused where it cannot be written", async () => {
      await refused("/sys/trunkline", /cannot be written/u);
    });

    test.skipIf(process.getuid?.() !== 0)(
      "is refused where it belongs to another user (needs to be root)",
      async () => {
        chownSync(root, 12_345, 12_345);
        await refused(root, /belongs to another user \(uid 12345/u);
      },
    );

    test("is refused for listening where its path is too long for a socket, with the advice", async () => {
      const matchmaker = new LocalMatchmaker({ runtimeDir: join(root, "x".repeat(100)) });
      matchmakers.push(matchmaker);
      await matchmaker.open();
      await expect(matchmaker.listenAddress()).rejects.toThrow(/at most 107 bytes.*shorter directory/u);
    });
  });
});

describe("records as files", () => {
  test("say what they were given", () => {
    const text = fc.string({ unit: "grapheme" });
    const arbitrary = fc.record(
      {
        kind: fc.constantFrom("events" as const),
        realm: text,
        exchange: text,
        topic: text,
        address: text,
        incarnation: text,
        pool: text,
        priorities: fc.subarray(["audit", "info", "sample"] as const),
      },
      { requiredKeys: ["kind", "realm", "exchange", "topic", "address", "incarnation"] },
    );
    fc.assert(
      fc.property(arbitrary, (each) => {
        expect(decodeRecord(encodeRecord(each))).toEqual(each);
      }),
    );
  });

  test("whatever else is in a file is no record and no exception", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeRecord(text)).toBeUndefined();
      }),
    );
  });

  test("a token is read back from its text", () => {
    const token = newProcessToken();
    expect(parseProcessToken(token.text)).toEqual(token);
    for (const text of ["", "a-b", "a-b-c", "../../etc", `${token.text}x`])
      expect(parseProcessToken(text)).toBeUndefined();
  });
});
