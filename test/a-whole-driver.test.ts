import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runWell } from "./support/programs.js";
import { ROOT, read } from "./support/sources.js";

const PAGE = "docs/a-whole-driver.md";

// Inside the repository, so that its packages are found; in a process of its own, so that there is one core.
const folder = mkdtempSync(join(ROOT, "test", "node_modules", ".driver-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the driver of docs/a-whole-driver.md passes the kit", { timeout: 120_000 }, async () => {
  writeFileSync(join(folder, "driver.mjs"), /^```js\n([\s\S]*?)^```/m.exec(read(PAGE))?.[1] ?? "");
  writeFileSync(
    join(folder, "prove.mjs"),
    `
    import { harnessFromUrl, runConformance } from "@trunkline/conformance";
    import { driver } from "./driver.mjs";
    const harness = harnessFromUrl(driver.scheme + "://", { drivers: [driver] });
    const { passed, counts, cases } = await runConformance({ harness });
    console.log(JSON.stringify({ passed, counts, failed: cases.filter(({ verdict }) => verdict === "fail") }));
    `,
  );
  const printed = await runWell(process.execPath, ["prove.mjs"], { cwd: folder, timeoutMs: 110_000 });
  const { passed, counts, failed } = JSON.parse(printed) as {
    readonly passed: boolean;
    readonly counts: { readonly pass: number };
    readonly failed: readonly unknown[];
  };
  expect(failed).toEqual([]);
  expect(passed).toBe(true);
  expect(counts.pass).toBeGreaterThan(100);
});
