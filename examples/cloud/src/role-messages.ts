import type { RoleName, Settings } from "./settings.js";

/** What a role's process is told by the one that started it. */
export type ToRole =
  | { readonly type: "start"; readonly role: RoleName; readonly settings: Settings }
  | { readonly type: "stop" };

/** What it tells. */
export type FromRole = { readonly type: "ready" } | { readonly type: "failed"; readonly reason: string };
