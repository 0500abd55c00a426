import type { TestPort } from "./register.js";

/** What of `node:test` the adapter uses. */
export interface NodeTestModule {
  describe(name: string, options: { readonly concurrency: number }, body: () => void): unknown;
  it(
    name: string,
    options: { readonly timeout: number },
    body: (context: { diagnostic(text: string): void; skip(reason: string): void }) => Promise<void>,
  ): unknown;
  after(body: () => Promise<void>): unknown;
}

/** `nodeTestPort(await import("node:test"))`. */
export function nodeTestPort(module: NodeTestModule): TestPort {
  return {
    suite: (name, body) => {
      module.describe(name, { concurrency: 1 }, body);
    },
    test: (name, { timeoutMs }, body) => {
      module.it(name, { timeout: timeoutMs }, (context) =>
        body({ note: (text) => context.diagnostic(text), skip: (reason) => context.skip(reason) }),
      );
    },
    after: (body) => {
      module.after(body);
    },
  };
}

/** What of vitest the adapter uses. */
export interface VitestModule {
  readonly describe: { sequential(name: string, body: () => void): unknown };
  it(name: string, options: { readonly timeout: number }, body: (context: VitestContext) => Promise<void>): unknown;
  afterAll(body: () => Promise<void>): unknown;
}

interface VitestContext {
  /** Shows a line beside the test (vitest 3.2 and later). */
  readonly annotate?: (text: string) => unknown;
  /** Ends the test there, by throwing. */
  readonly skip: (reason: string) => unknown;
}

/** `vitestPort({ describe, it, afterAll })` with the three imported from `vitest`. */
export function vitestPort(module: VitestModule): TestPort {
  return {
    suite: (name, body) => {
      module.describe.sequential(name, body);
    },
    test: (name, { timeoutMs }, body) => {
      module.it(name, { timeout: timeoutMs }, (context) =>
        body({ note: (text) => void context.annotate?.(text), skip: (reason) => void context.skip(reason) }),
      );
    },
    after: (body) => {
      module.afterAll(body);
    },
  };
}
