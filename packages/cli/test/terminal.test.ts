import { describe, expect, test } from "vitest";
import { Terminal } from "../src/terminal.js";
import { RecordingStream } from "./support/run-command.js";

const terminalOn = (stderr: RecordingStream, env: NodeJS.ProcessEnv = {}, stdout = new RecordingStream()): Terminal =>
  new Terminal(stdout, stderr, env);

describe("colour", () => {
  test.each([
    ["a pipe", false, {}, false],
    ["a terminal", true, {}, true],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
  ])("%s", (_what, isTTY, env, hasColor) => {
    const terminal = terminalOn(new RecordingStream(isTTY), env);
    expect(terminal.hasColor).toBe(hasColor);
    expect(terminal.paint("x", "red")).toBe(hasColor ? "\u001b[31mx\u001b[0m" : "x");
  });
});

test("a line is drawn over the last one, cut to the width", () => {
  const stderr = new RecordingStream(true);
  terminalOn(stderr).redraw("x".repeat(200));
  expect(stderr.text).toBe(`\r\u001b[2K${"x".repeat(79)}`);
});

test("a terminal that does not know its width is taken for one of 80 columns", () => {
  const stderr = Object.assign(new RecordingStream(true), { columns: 0 });
  terminalOn(stderr).redraw("text");
  expect(stderr.text).toBe("\r\u001b[2Ktext");
});

test("a broken pipe of stdout is told, of stderr it is nobody's business", () => {
  const [stdout, stderr] = [new RecordingStream(), new RecordingStream()];
  const terminal = terminalOn(stderr, {}, stdout);
  stderr.breakPipe();
  expect(terminal.readerGone.aborted).toBe(false);
  stdout.breakPipe();
  expect(terminal.readerGone.aborted).toBe(true);
});
