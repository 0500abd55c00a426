import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Started, startRole } from "./role.js";
import type { FromRole, ToRole } from "./role-messages.js";
import type { RoleName, Settings } from "./settings.js";

/** Where roles run. */
export interface Stage {
  /** Resolves when the role can be reached. */
  start(role: RoleName): Promise<void>;
  /** Rejects when a role ends that nobody stopped; never resolves. */
  readonly failed: Promise<never>;
  /** Each ends its work first. Resolves when all have ended; rejects where one did not end well. */
  stop(): Promise<void>;
  /** Resolves when all have ended, whatever they were at. For a run that went wrong. */
  abandon(): Promise<void>;
}

/** All roles in this process, for backends that reach no further. */
export class OneProcess implements Stage {
  readonly #settings: Settings;
  readonly #started: Started[] = [];
  readonly failed: Promise<never> = new Promise(() => {});

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async start(role: RoleName): Promise<void> {
    this.#started.push(await startRole(role, this.#settings));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
  }

  abandon(): Promise<void> {
    return this.stop();
  }
}

/** A role's process ended that nobody had stopped, or ended badly. */
export class RoleEnded extends Error {
  override readonly name = "RoleEnded";
}

/** Each role in a process of its own. A process ends by itself: when it is told to stop, or when this one is gone. */
export class ManyProcesses implements Stage {
  readonly #settings: Settings;
  readonly #children: ChildProcess[] = [];
  readonly #exits: Promise<void>[] = [];
  #isStopping = false;
  #fail: (error: Error) => void = () => {};
  readonly failed: Promise<never>;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever starts and stops the roles hears of it in the end; until somebody listens it is no unhandled rejection.
    this.failed.catch(() => {});
  }

  start(role: RoleName): Promise<void> {
    // The settings go by message: a process's arguments are for everybody to read, and the URL may hold a password.
    const child = fork(fileURLToPath(new URL("role-process.js", import.meta.url)), [role], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#children.push(child);
    this.#exits.push(this.#watch(child, role));
    tell(child, { type: "start", role, settings: this.#settings });
    return new Promise((resolve, reject) => {
      child.once("exit", () => reject(new RoleEnded(`${role} ended before it was ready`)));
      child.on("message", (message: FromRole) => {
        if (message.type === "ready") resolve();
        else reject(new RoleEnded(`${role} could not start: ${message.reason}`));
      });
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const child of this.#children) if (child.connected) tell(child, { type: "stop" });
    const outcomes = await Promise.allSettled(this.#exits);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async abandon(): Promise<void> {
    this.#isStopping = true;
    // To them it is as if this process had gone.
    for (const child of this.#children) if (child.connected) child.disconnect();
    await Promise.allSettled(this.#exits);
  }

  /** Resolves when it has ended well. */
  #watch(child: ChildProcess, role: RoleName): Promise<void> {
    const exit = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        const error = new RoleEnded(`${role} ended with ${signal ?? `exit code ${code}`}`);
        if (!this.#isStopping) this.#fail(error);
        if (code === 0) resolve();
        else reject(error);
      });
    });
    exit.catch(() => {}); // heard in `stop`
    return exit;
  }
}

function tell(child: ChildProcess, message: ToRole): void {
  // Where it is gone already, its exit says so.
  child.send(message, () => {});
}
