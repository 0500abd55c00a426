/** Install, build and lint: each does nothing where nothing changed. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run, runNode, runQuietly, timed } from "./processes.mjs";

const STAMP = join(ROOT, "node_modules", ".trunkline-install");

/** What decides an install: the lockfile, every manifest, pnpm's settings, and the Node that native modules must fit. */
function installKey() {
  const hash = createHash("sha256").update(`${process.version} ${process.platform} ${process.arch}\n`);
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", join("test", "package.json")];
  for (const folder of ["packages", "examples"]) {
    for (const name of readdirSync(join(ROOT, folder)).sort()) files.push(join(folder, name, "package.json"));
  }
  for (const file of files) {
    const path = join(ROOT, file);
    if (existsSync(path)) hash.update(`${file}\n`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

export async function install() {
  const key = installKey();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === key) return;
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  console.error(`installing from the lockfile with ${packageManager} …`);
  await timed("install", () =>
    runQuietly("install", (quiet) => npmExec(packageManager, ["install", "--frozen-lockfile"], quiet)),
  );
  writeFileSync(STAMP, key);
}

/** `npm exec` of a pinned package. Under npm its own program is known and needs no shell; else `npx` is looked up. */
function npmExec(packageSpec, args, options) {
  const name = packageSpec.slice(0, packageSpec.lastIndexOf("@"));
  const npm = process.env.npm_execpath;
  if (npm?.endsWith("npm-cli.js")) {
    return runNode([npm, "exec", "--yes", `--package=${packageSpec}`, "--", name, ...args], options);
  }
  // Only words of this file and of package.json reach the shell that Windows needs for `npx.cmd`.
  return run("npx", ["--yes", packageSpec, ...args], { ...options, shell: process.platform === "win32" });
}

/** Types and output of every package and example; with `tests`, the types of all tests as well. Incremental. */
export function build({ tests = false } = {}) {
  const projects = tests ? ["tsconfig.json", "tsconfig.tests.json"] : ["tsconfig.json"];
  sweep();
  const tsc = join("node_modules", "typescript", "bin", "tsc");
  return timed("build", () => runQuietly("build", (quiet) => runNode([tsc, "--build", ...projects], quiet)));
}

/** Removes the output of sources that are gone: tsc leaves it, and it would be packed. */
function sweep() {
  for (const parent of ["packages", "examples"]) {
    for (const name of readdirSync(join(ROOT, parent))) {
      const [dist, src] = ["dist", "src"].map((folder) => join(ROOT, parent, name, folder));
      if (!existsSync(dist) || !existsSync(src)) continue;
      for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
        const output = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file);
        if (output !== null && !existsSync(join(src, `${output[1]}.ts`))) rmSync(join(dist, file));
      }
    }
  }
}

/** Format and lint. `biome check --write` repairs what can be repaired. */
export function lint() {
  const biome = join("node_modules", "@biomejs", "biome", "bin", "biome");
  return timed("lint", () => runQuietly("lint", (quiet) => runNode([biome, "check", "--error-on-warnings"], quiet)));
}
