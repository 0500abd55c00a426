import { readdirSync } from "node:fs";
import { until as eventually } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { createLibzmqEngine } from "../../src/engine/libzmq-engine.js";
import { createZmtpEngine } from "../../src/engine/zmtp-engine.js";
import { heldArrayBuffers } from "../support/array-buffers.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { until } from "../support/until.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

const CYCLES = Number(process.env["TRUNKLINE_SCALE_CYCLES"] ?? 24_000);
const WARM = 500;
const AT_ONCE = 20;
const HELD = 500;
const MIB = 1024 * 1024;
/** One link of 24 000 that stayed behind with 100 bytes would be more. */
const KEPT_BYTES = 2 * MIB;
const DEADLINE_MS = 60_000;
/** libzmq's own threads open and close some in their own time. */
/** 500 handshakes at once, with all else that both ends do, on one thread. */
const OPTIONS: EngineOptions = { ...ENGINE_OPTIONS, handshakeMs: 60_000, heartbeatTimeoutMs: 60_000 };
const SLACK_FILES = { zmtp: 0, libzmq: 16 };

const ENGINES: readonly (readonly ["zmtp" | "libzmq", (options: EngineOptions) => Engine])[] = [
  ["zmtp", createZmtpEngine],
  ["libzmq", createLibzmqEngine],
];

interface Look {
  readonly held: number;
  readonly rss: number;
  readonly files: number;
}

async function look(): Promise<Look> {
  const buffers = await heldArrayBuffers();
  const { heapUsed, rss } = process.memoryUsage();
  return { held: heapUsed + buffers, rss, files: readdirSync("/proc/self/fd").length };
}

// Both ends are in this process: each connection is two files and two links.
test.skipIf(process.platform !== "linux").each(ENGINES)(
  `${CYCLES} links are made, say something and are closed, and ${HELD} are held, over %s`,
  async (name, create) => {
    const engines = [create(OPTIONS), create(OPTIONS)] as const;
    const [server, client] = engines;
    let accepted = 0;
    let ended = 0;
    const listener = await server.listen("tcp://127.0.0.1:0", (link) => {
      accepted += 1;
      return {
        onOpen() {},
        onWritable() {},
        onFrame: (frame) => void link.send(frame),
        onEnd() {
          ended += 1;
        },
      };
    });
    const linked = async (): Promise<LinkRecorder> => {
      const recorder = new LinkRecorder();
      recorder.link = client.dial(listener.address, recorder);
      recorder.link.send(bytes("hello"));
      await recorder.untilFrames(1, DEADLINE_MS);
      return recorder;
    };
    const comeAndGo = async (count: number): Promise<void> => {
      let left = count;
      const line = async (): Promise<void> => {
        while (left-- > 0) {
          const recorder = await linked();
          recorder.link?.close(1_000);
          await recorder.untilEnd(DEADLINE_MS);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, line));
      await until(
        () => ended === accepted,
        () => `${accepted - ended} links are left`,
        DEADLINE_MS,
      );
    };
    const rows: string[] = [];
    const row = (what: string, from: Look, to: Look): void => {
      const mib = (part: "held" | "rss"): string => ((to[part] - from[part]) / MIB).toFixed(2);
      rows.push(`| ${name} | ${what} | ${mib("held")} | ${mib("rss")} | ${to.files - from.files} |`);
    };

    await comeAndGo(WARM);
    const before = await look();
    const beganAt = performance.now();
    for (let quarter = 1; quarter <= 4; quarter++) {
      await comeAndGo(CYCLES / 4);
      row(`after ${(CYCLES / 4) * quarter}`, before, await look());
    }
    const cycleMs = (performance.now() - beganAt) / CYCLES;
    await until(
      () => readdirSync("/proc/self/fd").length <= before.files + SLACK_FILES[name],
      "files are back",
      DEADLINE_MS,
    );
    const after = await look();

    const holdAt = performance.now();
    const held = await Promise.all(Array.from({ length: HELD }, linked));
    const holdMs = performance.now() - holdAt;
    row(`${HELD} held`, after, await look());
    for (const { link } of held) link?.close(1_000);
    await until(() => ended === accepted, "all are closed", DEADLINE_MS);
    held.length = 0;
    await until(
      () => readdirSync("/proc/self/fd").length <= after.files + SLACK_FILES[name],
      "files are back",
      DEADLINE_MS,
    );
    // A connection that is over is watched until the next beat.
    const isLetGo = async (): Promise<boolean> => (await look()).held - after.held < KEPT_BYTES;
    await eventually(isLetGo, { withinMs: DEADLINE_MS, what: "what the links held is let go" });
    const last = await look();
    row("let go", after, last);
    console.log(
      `scale: ${name}: a link in ${cycleMs.toFixed(2)} ms; ${HELD} at once in ${holdMs.toFixed(0)} ms\n` +
        `| engine | | MiB of the heap and buffers | MiB resident | files |\n|---|---|--:|--:|--:|\n${rows.join("\n")}`,
    );
    expect(accepted).toBe(WARM + CYCLES + HELD);
    expect(after.held - before.held).toBeLessThan(KEPT_BYTES);
    await Promise.all(engines.map((engine) => engine.close()));
  },
  900_000,
);
