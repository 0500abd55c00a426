/**
 * Lets timers and input run once. A loop that awaits only promises never does where a driver delivers by microtask: no
 * deadline would fire, the kit's own included.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
