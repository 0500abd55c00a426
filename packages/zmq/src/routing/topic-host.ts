import type { Matchmaker } from "../matchmaker/matchmaker.js";
import type { Pool } from "../pool/pool.js";
import type { FinderHost } from "./finder.js";
import type { LineHost } from "./line.js";

/** What topics share. */
export interface TopicHost extends LineHost {
  readonly matchmaker: Matchmaker;
  readonly pool: Pool;
  readonly discoveryMs: number;
  now(): number;
  setTimer: FinderHost["setTimer"];
  warn(message: string, error: unknown): void;
}
