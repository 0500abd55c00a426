import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";

/** The system's notices can be missed, and their number is limited (ENOSPC): then a look at this pace has to do. */
const POLL_MS = 1_000;

/**
 * Tells when a topic's directory may have changed, or came, or went. By the file system's notices, at once; beside them a
 * slow look at the directory's time of change, since notices are not to be had on every file system.
 * Never keeps the process alive.
 */
export class TopicWatch {
  readonly #root: string;
  readonly #directory: string;
  readonly #onChange: () => void;
  readonly #timer: NodeJS.Timeout;
  #rootWatcher: FSWatcher | undefined;
  #topicWatcher: FSWatcher | undefined;
  #seen: string | undefined;
  #isEnded = false;

  constructor(root: string, directory: string, onChange: () => void) {
    this.#root = root;
    this.#directory = directory;
    this.#onChange = onChange;
    this.#rootWatcher = this.#watch(root, (name) => {
      // Without a name anything may have happened.
      if (name !== null && name !== directory) return;
      this.#watchTopic();
      this.#changed();
    });
    this.#watchTopic();
    this.#timer = setInterval(() => void this.#look(), POLL_MS);
    this.#timer.unref();
    void this.#look();
  }

  end(): void {
    this.#isEnded = true;
    clearInterval(this.#timer);
    this.#rootWatcher?.close();
    this.#topicWatcher?.close();
  }

  #changed(): void {
    if (!this.#isEnded) this.#onChange();
  }

  /** The directory may be a new one of the same name. */
  #watchTopic(): void {
    this.#topicWatcher?.close();
    this.#topicWatcher = this.#isEnded
      ? undefined
      : this.#watch(join(this.#root, this.#directory), () => this.#changed());
  }

  #watch(path: string, onNotice: (name: string | null) => void): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => onNotice(name));
      watcher.on("error", () => watcher.close());
      return watcher;
    } catch {
      // It does not exist yet, or there are no watches left: the slow look goes on.
      return undefined;
    }
  }

  async #look(): Promise<void> {
    const now = await fingerprint(join(this.#root, this.#directory));
    const before = this.#seen;
    this.#seen = now;
    if (before === undefined || before === now) return;
    if (this.#topicWatcher === undefined) this.#watchTopic();
    this.#changed();
  }
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch {
    // Not there: as good an answer as any other.
    return "none";
  }
}
