import { countNativePolls } from "./native-handles.js";

/**
 * Watches the process during one case: rejections that nobody heard, warnings, and resources that outlive it.
 *
 * Resources are compared by kind with those at the start; what keeps a process alive is what Node lists here.
 */
export class LeakWatch {
  readonly #before = censusWithStreams();
  readonly #pollsBefore = countNativePolls();
  readonly #problems: string[] = [];
  readonly #onRejection = (reason: unknown): void => {
    this.#problems.push(
      `unhandled rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`,
    );
  };
  readonly #onWarning = (warning: Error): void => {
    // Notices about Node's own features say nothing of a driver; a leak warning does.
    if (warning.name === "MaxListenersExceededWarning" || warning.name === "TimeoutNaNWarning") {
      this.#problems.push(`process warning: ${warning.name}: ${warning.message}`);
    }
  };

  constructor() {
    process.on("unhandledRejection", this.#onRejection);
    process.on("warning", this.#onWarning);
  }

  /** Waits up to `patienceMs` for resources to go, and returns what was wrong. */
  async stop(patienceMs: number): Promise<readonly string[]> {
    const deadline = performance.now() + patienceMs;
    let left = this.#left();
    // A rejection is reported one turn after it happened.
    await new Promise((resolve) => setImmediate(resolve));
    let polls = this.#polls();
    while ((left.length > 0 || polls > 0) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      left = this.#left();
      if (left.length === 0) polls = this.#polls();
    }
    if (polls > 0) left.push(`${polls} sockets of an add-on`);
    process.off("unhandledRejection", this.#onRejection);
    process.off("warning", this.#onWarning);
    if (left.length > 0) this.#problems.push(`left open after the case: ${left.join(", ")}`);
    return this.#problems;
  }

  #polls(): number {
    return countNativePolls() - this.#pollsBefore;
  }

  #left(): string[] {
    const found: string[] = [];
    for (const [kind, count] of census()) {
      const more = count - (this.#before.get(kind) ?? 0);
      if (more > 0) found.push(`${more} ${kind}`);
    }
    return found;
  }
}

/** The process's own streams are made when they are first used, which may be during a case: here they are made before. */
function censusWithStreams(): Map<string, number> {
  void process.stdout.writable;
  void process.stderr.writable;
  return census();
}

/** What keeps the process alive, by kind; without the kinds that come and go by themselves. */
export function census(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (TRANSIENT.has(kind)) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** One-shot requests and the runner's own terminal; never what a driver forgets to close. */
const TRANSIENT: ReadonlySet<string> = new Set([
  "Immediate",
  "TickObject",
  "PROMISE",
  "TTYWrap",
  "FSReqCallback",
  "FSReqPromise",
  "WriteWrap",
  "ShutdownWrap",
  "CloseReq",
]);
