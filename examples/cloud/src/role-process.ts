/** One role in a process of its own: started, told to stop, and gone when whoever started it is gone. */
import { type Started, startRole } from "./role.js";
import type { FromRole, ToRole } from "./role-messages.js";

let started: Promise<Started> | undefined;
let isStopping = false;

process.on("message", (message: ToRole) => {
  if (message.type === "stop") void stop();
  else {
    started = start(message);
    started.catch(() => {}); // told, and the exit code is set
  }
});

process.once("disconnect", () => {
  // Nobody is left who could want anything of this role.
  if (!isStopping) process.exit(1);
});

async function start({ role, settings }: Extract<ToRole, { type: "start" }>): Promise<Started> {
  try {
    const running = await startRole(role, settings);
    tell({ type: "ready" });
    return running;
  } catch (error) {
    process.exitCode = 1;
    tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** After it nothing keeps the process alive, and it ends by itself. */
async function stop(): Promise<void> {
  isStopping = true;
  try {
    await (await started)?.stop();
  } catch {
    // Why it could not start was told; the exit code is set.
  }
  if (process.connected) process.disconnect();
}

function tell(message: FromRole): void {
  process.send?.(message, undefined, undefined, () => {}); // the parent may be gone
}
