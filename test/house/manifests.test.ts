import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesUnder, packageNames, ROOT, read } from "../support/sources.js";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: { readonly node?: string };
  readonly sideEffects?: boolean;
  readonly repository?: { readonly type: string; readonly url: string; readonly directory: string };
  readonly publishConfig?: { readonly access?: string };
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifests = packageNames().map((folder) => {
  const manifest: Manifest = JSON.parse(read(`packages/${folder}/package.json`));
  return [folder, manifest] as const;
});

describe.each(manifests)("packages/%s", (folder, manifest) => {
  test("says who it is", () => {
    expect(manifest).toMatchObject({
      name: folder === "cli" ? "trunkline" : `@trunkline/${folder}`,
      version: manifests[0]?.[1].version,
      description: expect.stringMatching(/\.$/),
      license: "Apache-2.0",
      type: "module",
      engines: { node: ">=20.19" },
      sideEffects: false,
      repository: { type: "git", directory: `packages/${folder}` },
      publishConfig: { access: "public" },
    });
  });

  test("packs its output, the sources that its maps point to, its README and the licence", () => {
    expect(manifest.files).toEqual(["dist", "src", "!dist/.tsbuildinfo", "README.md", "LICENSE"]);
    expect(existsSync(join(ROOT, "packages", folder, "README.md"))).toBe(true);
  });

  test("exports its manifest, and for each entry its types before its code", () => {
    const { "./package.json": own, ...entries } = manifest.exports ?? {};
    expect(own).toBe("./package.json");
    for (const [name, entry] of Object.entries(entries)) {
      const stem = name === "." ? "index" : name.slice(2);
      expect(Object.entries(entry)).toEqual([
        ["types", `./dist/${stem}.d.ts`],
        ["default", `./dist/${stem}.js`],
      ]);
      expect(existsSync(join(ROOT, "packages", folder, "src", `${stem}.ts`)), `${name} has a source`).toBe(true);
    }
    for (const file of Object.values(manifest.bin ?? {})) {
      const source = file.replace("./dist/", `packages/${folder}/src/`).replace(/\.js$/, ".ts");
      expect(read(source).startsWith("#!/usr/bin/env node\n"), `${source} begins with its interpreter`).toBe(true);
    }
  });

  test("states its own version in its sources as its manifest does", () => {
    const stated = filesUnder(`packages/${folder}/src`).flatMap((path) =>
      [...read(path).matchAll(/\bversion\b\w*(?::\s*string)?\s*[:=]\s*"(\d+\.\d+\.\d+)"/gi)].map(
        (match) => `${path}: ${match[1]}`,
      ),
    );
    expect(stated.filter((text) => !text.endsWith(`: ${manifest.version}`))).toEqual([]);
  });

  test("pins its dependencies exactly and takes core from the application", () => {
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      expect(range, name).toMatch(name.startsWith("@trunkline/") ? /^workspace:\^$/ : /^\d+\.\d+\.\d+$/);
    }
    if (folder === "core") {
      expect(Object.keys(manifest.dependencies ?? {}).sort()).toEqual(["eventemitter3", "zod"]);
    } else if (folder !== "cli") {
      expect(manifest.peerDependencies?.["@trunkline/core"]).toBe("workspace:^");
      expect(Object.keys(manifest.dependencies ?? {})).not.toContain("@trunkline/core");
    }
  });
});
