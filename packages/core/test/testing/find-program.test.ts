import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findProgram } from "../../src/testing.js";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tl-programs-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("the first candidate that may be run is found, by path or by the folders of PATH in order", async () => {
  const [first, second] = [await folder(), await folder()];
  for (const path of [join(first, "b"), join(second, "a"), join(second, "b")]) {
    await writeFile(path, "#!/bin/sh\n");
    await chmod(path, 0o755);
  }
  const env = { PATH: ["", first, second].join(delimiter) };
  expect(findProgram(["b"], env)).toBe(join(first, "b"));
  expect(findProgram(["tl-no-such-program", "a", "b"], env)).toBe(join(second, "a"));
  expect(findProgram([join(second, "b"), "b"], env)).toBe(join(second, "b"));
  expect(findProgram([join(first, "a"), "tl-no-such-program"], env)).toBeUndefined();
  expect(findProgram([], env)).toBeUndefined();
});

test("a folder, and a file that may not be run, are no programs", async () => {
  const path = await folder();
  await mkdir(join(path, "a"));
  await writeFile(join(path, "b"), "");
  await chmod(join(path, "b"), 0o644);
  expect(findProgram(["a", "b"], { PATH: path })).toBeUndefined();
});

test("PATH is that of the process where none is given, and may be missing", () => {
  expect(findProgram([process.execPath])).toBe(process.execPath);
  expect(findProgram(["sh"])).toMatch(/\/sh$/);
  expect(findProgram(["tl-no-such-program"], {})).toBeUndefined();
});
