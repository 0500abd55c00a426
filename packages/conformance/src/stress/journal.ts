import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadRecord, LoadSend } from "./load-plan.js";

/** One thing that a peer did or saw, as a line of JSON. */
type Entry =
  | readonly ["begins", LoadSend]
  | readonly ["ends", LoadSend]
  | readonly ["served" | "listened", string, number]
  | readonly ["lost", number];

/**
 * What a peer did and saw since its record was last taken, in a file: written before it goes on, so that what a killed process did is
 * still known.
 */
export class Journal {
  readonly #descriptor: number;

  /** @param file made where it is not there; what is in it is kept */
  constructor(file: string) {
    this.#descriptor = openSync(file, "a");
  }

  note(entry: Entry): void {
    writeSync(this.#descriptor, `${JSON.stringify(entry)}\n`);
  }

  /** All of it was taken. */
  clear(): void {
    ftruncateSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Where the journals of a load are while it goes on. */
export class JournalFolder {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "trunkline-load-"));

  fileOf(name: string, life: number): string {
    return join(this.#folder, `${name}.${life}`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The record in `file`, of a process that was killed: what it had begun to send, and not heard of, is of unknown outcome. */
export function readJournal(file: string): LoadRecord {
  const sends = new Map<string, LoadSend>();
  const served: [string, number][] = [];
  const listened: [string, number][] = [];
  let lost = 0;
  const lines = readFileSync(file, "utf8").split("\n");
  // A write that the kill cut short is the last line: without its end it says nothing.
  for (const line of lines.slice(0, -1)) {
    // Only `note` writes to the file.
    const entry = JSON.parse(line) as Entry;
    switch (entry[0]) {
      case "begins":
      case "ends":
        sends.set(entry[1].id, entry[1]);
        break;
      case "served":
        served.push([entry[1], entry[2]]);
        break;
      case "listened":
        listened.push([entry[1], entry[2]]);
        break;
      case "lost":
        lost += entry[1];
    }
  }
  return { sends: [...sends.values()], served, listened, lost, wasKilled: true };
}
