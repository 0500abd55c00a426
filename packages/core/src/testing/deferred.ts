/** A promise with its ends in hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  /** The first of `resolve` and `reject` counts. */
  resolve(value: T | PromiseLike<T>): void;
  reject(reason: unknown): void;
  /** True once either was called. */
  readonly isSettled: boolean;
}

/** Makes a {@link Deferred}. A rejection that nobody awaits is not reported as unhandled: tests look at it when they will. */
export function deferred<T = void>(): Deferred<T> {
  let settled = false;
  let settle: ((value: T | PromiseLike<T>) => void) | undefined;
  let fail: ((reason: unknown) => void) | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  promise.catch(() => {
    // Whoever awaits the promise itself still hears of it.
  });
  return {
    promise,
    resolve(value) {
      settled = true;
      settle?.(value);
    },
    reject(reason) {
      settled = true;
      fail?.(reason);
    },
    get isSettled() {
      return settled;
    },
  };
}
