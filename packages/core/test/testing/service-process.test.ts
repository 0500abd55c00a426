import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { ServiceProcess, until } from "../../src/testing.js";

const BUILT = new URL("../../dist/testing.js", import.meta.url).href;

async function service(): Promise<ServiceProcess> {
  const made = await ServiceProcess.create("test");
  onTestFinished(() => made.end());
  return made;
}

/** Starts a shell script, and resolves once it has printed `ready` since. */
async function startShell(made: ServiceProcess, script: string, ...args: string[]): Promise<void> {
  const before = made.output.length;
  await made.start({ command: "/bin/sh", args: ["-c", script, "sh", ...args] });
  await until(() => made.output.slice(before).includes("ready"), { what: `ready of ${script}` });
}

/** What `ps` calls the state of a process: `T` for a stopped one, nothing where there is none. */
async function stateOf(pid: number | undefined): Promise<string> {
  const ps = spawn("ps", ["-o", "stat=", "-p", String(pid)], { stdio: ["ignore", "pipe", "inherit"] });
  const [state] = await Promise.all([text(ps.stdout), once(ps, "exit")]);
  return state.trim();
}

/** One that is dead and whose parent was not told yet does not live. */
async function lives(pid: number | undefined): Promise<boolean> {
  return !/^(Z|$)/.test(await stateOf(pid));
}

describe.skipIf(process.platform === "win32")("ServiceProcess", () => {
  test("runs a program in its private folder with the environment given, and keeps what it prints", async () => {
    const made = await service();
    expect(dirname(made.folder)).toBe(tmpdir());
    expect(basename(made.folder)).toMatch(/^trunkline-test-/);
    await made.start({
      command: "/bin/sh",
      args: ["-c", 'pwd; echo "$1 $COLOUR $HOME" >&2; exit 3', "sh", "one"],
      env: { COLOUR: "green" },
    });
    await expect(made.exited).resolves.toStrictEqual({ code: 3, signal: null });
    await until(() => made.output.split("\n").length === 3);
    expect(made.output.split("\n").toSorted()).toEqual(["", made.folder, "one green "].toSorted());
    expect(made.outputTail(1)).toBe(made.output.trimEnd().split("\n")[1]);
    expect([made.isRunning, made.pid]).toEqual([false, undefined]);
  });

  test("keeps the last of a long output only", async () => {
    const made = await service();
    await made.start({ command: "/bin/sh", args: ["-c", "yes 0123456789 | head -n 40000; echo end"] });
    await until(() => made.output.endsWith("end\n"));
    expect(Buffer.byteLength(made.output)).toBe(64 * 1024);
    expect(made.outputTail(2)).toBe("0123456789\nend");
  });

  test("kill ends the program and what it started", async () => {
    const made = await service();
    await startShell(made, "trap '' TERM; sleep 600 & echo $!; echo ready; wait");
    const pids = [made.pid ?? 0, Number(made.output.split("\n")[0])];
    expect(await Promise.all(pids.map(lives))).toEqual([true, true]);
    await made.kill();
    expect(await Promise.all(pids.map(lives))).toEqual([false, false]);
    await expect(made.exited).resolves.toStrictEqual({ code: null, signal: "SIGKILL" });
    await made.kill();
  });

  test("a program that ends by itself leaves nothing in its group", async () => {
    const made = await service();
    await made.start({ command: "/bin/sh", args: ["-c", "sleep 600 & echo $!"] });
    await expect(made.exited).resolves.toStrictEqual({ code: 0, signal: null });
    expect(await lives(Number(made.output))).toBe(false);
  });

  test("terminate lets it end in peace, also when it is frozen", async () => {
    const made = await service();
    const script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    await startShell(made, script);
    await made.terminate();
    await expect(made.exited).resolves.toStrictEqual({ code: 7, signal: null });
    expect(made.outputTail(1)).toBe("bye");
    await startShell(made, script);
    made.freeze();
    await made.terminate();
    await expect(made.exited).resolves.toStrictEqual({ code: 7, signal: null });
    await made.terminate();
  });

  test("terminate kills what does not listen", async () => {
    const made = await service();
    await startShell(made, "trap '' TERM; echo ready; while :; do sleep 0.01; done");
    await made.terminate({ withinMs: 50 });
    await expect(made.exited).resolves.toStrictEqual({ code: null, signal: "SIGKILL" });
  });

  test("freeze stops the whole group and thaw lets it go on; a frozen one can be killed", async () => {
    const made = await service();
    await startShell(made, "sleep 600 & echo $!; echo ready; wait");
    const pids = [made.pid, Number(made.output.split("\n")[0])];
    made.freeze();
    for (const pid of pids) await until(async () => (await stateOf(pid)).startsWith("T"));
    made.thaw();
    for (const pid of pids) await until(async () => (await stateOf(pid)).startsWith("S"));
    made.freeze();
    await made.kill();
    expect(await Promise.all(pids.map(lives))).toEqual([false, false]);
  });

  test("signal reaches the program alone", async () => {
    const made = await service();
    await startShell(made, "trap 'echo heard' USR1; echo ready; while :; do sleep 0.01; done");
    made.signal("SIGUSR1");
    await until(() => made.output.includes("heard"));
    expect(made.isRunning).toBe(true);
  });

  test("it starts again in the same folder once it has ended, and not twice at once", async () => {
    const made = await service();
    const script = "echo run >> runs; echo ready; exec sleep 600";
    await startShell(made, script);
    const first = made.pid;
    await expect(made.start({ command: "/bin/sh" })).rejects.toThrow(`it runs already, with pid ${first}`);
    await made.kill();
    await startShell(made, script);
    expect(made.pid).not.toBe(first);
    expect(await readFile(join(made.folder, "runs"), "utf8")).toBe("run\nrun\n");
  });

  test("a program that is not there is told, and another can be started", async () => {
    const made = await service();
    await expect(made.start({ command: "tl-no-such-program" })).rejects.toThrow(
      "cannot run tl-no-such-program as test",
    );
    expect(made.isRunning).toBe(false);
    await startShell(made, "echo ready");
  });

  test("end kills it and removes its folder, for good", async () => {
    const parentFolder = await mkdtemp(join(tmpdir(), "tl-parent-"));
    onTestFinished(() => rm(parentFolder, { recursive: true, force: true }));
    const made = await ServiceProcess.create("test", { parentFolder });
    expect(dirname(made.folder)).toBe(parentFolder);
    await startShell(made, "mkdir deep; echo ready; exec sleep 600");
    const { pid } = made;
    await made.end();
    expect([await lives(pid), existsSync(made.folder)]).toEqual([false, false]);
    await made.end();
    await expect(made.start({ command: "/bin/sh" })).rejects.toThrow("it was ended");
  });

  test.each(["process.exit(0)", 'process.kill(process.pid, "SIGKILL")', 'process.kill(process.pid, "SIGINT")'])(
    "neither program nor folder outlive this process: %s",
    async (end) => {
      const script = `
        import { ServiceProcess } from ${JSON.stringify(BUILT)};
        const made = await ServiceProcess.create("orphan");
        await made.start({ command: "/bin/sh", args: ["-c", "trap '' INT TERM HUP; while :; do sleep 0.01; done"] });
        console.log(JSON.stringify({ pid: made.pid, folder: made.folder }));
        process.stdin.once("data", () => ${end});
      `;
      const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      const ended = once(parent, "exit");
      const [line] = await once(createInterface({ input: parent.stdout }), "line");
      const { pid, folder }: { pid: number; folder: string } = JSON.parse(String(line));
      expect([await lives(pid), existsSync(folder)]).toEqual([true, true]);
      parent.stdin.end("now\n");
      await ended;
      await until(async () => !(await lives(pid)) && !existsSync(folder), { what: "program and folder to be gone" });
    },
  );
});
