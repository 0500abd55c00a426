import { defineConfig } from "vitest/config";

/**
 * Four projects by what a file is named, so that `scripts/tests.mjs` picks by name and `vitest run packages/core` by path.
 *
 * - unit: `packages/<name>/test/*.test.ts`, one package at a time;
 * - house: `test/house/`, the rules of the repository;
 * - span: `*.span.test.ts` of a package and the rest of `test/`: several packages or processes (conformance, examples, command, packaging);
 * - full: `*.full.test.ts`, what takes too long for every push; after all others, one file at a time, since each has many
 *   processes of its own.
 */
const SLOW = ["**/*.span.test.ts", "**/*.full.test.ts"];
const NEVER = ["**/node_modules/**", "**/dist/**"];
/** Of the projects that may need a broker. */
const BROKERS = ["test/support/global-rabbit.ts"];

export default defineConfig({
  test: {
    maxWorkers: 2,
    // Against what hangs, and no judgement of speed: a machine of two cores may be busy with something else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["packages/*/test/**/*.test.ts"], exclude: [...NEVER, ...SLOW] },
      },
      {
        extends: true,
        test: { name: "house", include: ["test/house/**/*.test.ts"], exclude: [...NEVER, ...SLOW] },
      },
      {
        extends: true,
        test: {
          name: "span",
          globalSetup: BROKERS,
          include: ["packages/*/test/**/*.span.test.ts", "examples/*/test/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...NEVER, "test/house/**", "**/*.full.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "full",
          globalSetup: BROKERS,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          include: ["{packages,examples}/*/test/**/*.full.test.ts", "test/**/*.full.test.ts"],
          exclude: NEVER,
        },
      },
    ],
  },
});
