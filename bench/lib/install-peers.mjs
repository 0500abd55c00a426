import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("..", import.meta.url));

/** The peers live in a workspace of the bench's own, which nothing else installs. */
export function installPeers() {
  execFileSync("npx", ["--yes", "pnpm@12.21.0", "install", "--frozen-lockfile", "--silent"], {
    cwd: BENCH,
    stdio: ["ignore", 2, 2],
  });
}
