/** What a command that runs until somebody ends it waits for. */
export interface Ending {
  readonly wait: Promise<void>;
  readonly hasEnded: boolean;
  end(): void;
}

/** Ends by `end()`, or when one of the signals fires. */
export function createEnding(...signals: readonly AbortSignal[]): Ending {
  let hasEnded = false;
  let resolveWait: () => void = () => {};
  const wait = new Promise<void>((resolve) => {
    resolveWait = resolve;
  });
  const end = (): void => {
    hasEnded = true;
    for (const signal of signals) signal.removeEventListener("abort", end);
    resolveWait();
  };
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }
  return {
    wait,
    get hasEnded(): boolean {
      return hasEnded;
    },
    end,
  };
}
