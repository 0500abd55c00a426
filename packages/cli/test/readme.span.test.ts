import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandProcess } from "./support/command-process.js";

const README = readFileSync(join(dirname(dirname(fileURLToPath(import.meta.url))), "README.md"), "utf8");

/** A line that was typed, and the lines that it printed, on either stream. */
interface Step {
  readonly typed: string;
  readonly printed: readonly string[];
}

const sessions: readonly (readonly Step[])[] = [...README.matchAll(/^```console\n([\s\S]*?)^```/gm)].map((block) =>
  (block[1] ?? "")
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [typed = "", ...printed] = text.trimEnd().split("\n");
      return { typed, printed };
    }),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-cli-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("there are sessions to try", () => {
  expect(sessions.length).toBeGreaterThanOrEqual(5);
});

test.each(sessions.map((steps) => ({ first: steps[0]?.typed, steps })))("$first", async ({ steps }) => {
  const background: CommandProcess[] = [];
  let exitCode: number | null = null;
  try {
    for (const { typed, printed } of steps) {
      if (typed === "echo $?") {
        expect(String(exitCode)).toBe(printed[0]);
      } else if (typed.endsWith(" &")) {
        expect(printed).toEqual(["ready"]);
        background.push(await start(typed.slice(0, -2)).ready());
      } else {
        const command = start(typed);
        ({ exitCode } = await command.ended);
        // What a command in the background printed stands below what this one did.
        const own = linesOf(command);
        for (const [index, line] of own.entries()) expect(line).toMatch(patternOf(printed[index] ?? "nothing more"));
        for (const line of printed.slice(own.length)) {
          const isThere = (other: CommandProcess): boolean => linesOf(other).some((text) => patternOf(line).test(text));
          await Promise.any(background.map((other) => other.until(isThere)));
        }
      }
    }
  } finally {
    for (const command of background) await command.end();
  }
});

function start(typed: string): CommandProcess {
  const [program, ...words] = (typed.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, "$1"));
  expect(program).toBe("trunkline");
  return new CommandProcess(words, { env: { XDG_RUNTIME_DIR: folder } });
}

function linesOf({ stdout, stderr }: CommandProcess): string[] {
  return `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
}

/** `…` stands for anything. */
function patternOf(line: string): RegExp {
  const parts = line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
