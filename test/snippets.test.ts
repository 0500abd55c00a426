import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runWell } from "./support/programs.js";
import { filesUnder, ROOT, read } from "./support/sources.js";

interface Snippet {
  readonly name: string;
  readonly code: string;
}

/** Every block of a page that begins with "```js runnable". */
function snippetsOf(page: string): Snippet[] {
  return [...read(page).matchAll(/^```js runnable\n([\s\S]*?)^```/gm)].map((match, index) => ({
    name: `${page} ${index + 1}`,
    code: match[1] ?? "",
  }));
}

const pages = ["README.md", ...filesUnder("docs"), ...filesUnder("packages")].filter((path) => path.endsWith(".md"));
const snippets = pages.flatMap(snippetsOf);

// Inside the repository, so that packages are found as an application below would find them.
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "test", "node_modules", ".snippets-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("there are snippets to run", () => {
  expect(snippets.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["README.md 1", "packages/core/README.md 1"]),
  );
});

test.each(snippets)("$name runs and ends by itself", async ({ name, code }) => {
  const file = join(folder, `${name.replace(/\W+/g, "-")}.mjs`);
  writeFileSync(file, code);
  const printed = await runWell(process.execPath, [file], { cwd: folder, timeoutMs: 25_000 });
  // What a comment beside a console.log promises is what it prints.
  for (const [, promised] of code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)) {
    expect(printed).toContain((promised ?? "").replace(/^.*?: (?=\{)/, ""));
  }
});

test("the README's first snippet is examples/hello, of at most 15 lines, over either driver", async () => {
  const hello = read("examples/hello/hello.mjs");
  expect(snippetsOf("README.md")[0]?.code).toBe(hello);
  expect(hello.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  for (const url of ["fake://", "zmq://"]) {
    const printed = await runWell(process.execPath, ["hello.mjs", url], { cwd: join(ROOT, "examples", "hello") });
    expect(printed).toBe("Hello, world!\n");
  }
});
