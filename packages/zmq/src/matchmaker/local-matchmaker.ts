import { mkdir, readdir, readFile, rename, rmdir, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ConnectError, ListenError } from "@trunkline/core/driver";
import { MAX_IPC_PATH_BYTES } from "../engine/address.js";
import { ipcPathState, removeIpcFile } from "../engine/ipc-path.js";
import { codeOf, reasonOf } from "../engine/native.js";
import type { Lease, ListenerRecord, Matchmaker, TopicKey } from "./matchmaker.js";
import { isGone, newProcessToken, type ProcessToken, parseProcessToken } from "./process-token.js";
import { decodeRecord, encodeRecord, isOfTopic, isTopicDirectoryName, topicDirectoryName } from "./record-files.js";
import { defaultRuntimeDirectory, prepareRuntimeDirectory } from "./runtime-directory.js";
import { TopicWatch } from "./topic-watch.js";

export interface LocalMatchmakerOptions {
  /** @default {@link defaultRuntimeDirectory} */
  readonly runtimeDir?: string | undefined;
  /** Hears of each file that is no record and was left aside (F1). */
  readonly onDropped?: ((reason: string, path: string) => void) | undefined;
}

const SOCKET = ".sock";
const RECORD = ".json";
const TEMPORARY = ".tmp";
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** A directory can be removed as empty by another process just before a file is put there; rarely twice. */
const REGISTER_ATTEMPTS = 20;
/** Topics whose records are kept parsed. A client of more of them reads files again. */
const MAX_PARSED_TOPICS = 1_024;

/**
 * Processes of one user on one machine find each other in a directory:
 *
 *     <root>/<token>.sock                       the socket of one process
 *     <root>/<kind>-<hash>/<token>-<n>.json     what it listens to: one directory a topic, one file a listener
 *
 * A record is written aside and renamed, so it is there whole or not at all, and is never changed. What a killed process
 * left is removed by whoever meets it, once its owner is gone *and* its socket refuses connections.
 */
export class LocalMatchmaker implements Matchmaker {
  readonly name = "local";
  readonly joinLatencyMs = 0;
  readonly standingPeers: readonly string[] = [];
  readonly #root: string;
  readonly #token: ProcessToken = newProcessToken();
  readonly #onDropped: (reason: string, path: string) => void;
  readonly #leases: Set<Lease> = new Set();
  readonly #watches: Set<TopicWatch> = new Set();
  /** Look-ups that wait for the read which this tick's end begins. */
  readonly #shared: Map<string, Promise<readonly ListenerRecord[]>> = new Map();
  /** By directory and file: what was read of a record, which never changes. Undefined for what is none. */
  readonly #parsed: Map<string, Map<string, ListenerRecord | undefined>> = new Map();
  readonly #background: Set<Promise<void>> = new Set();
  #registered = 0;
  #isClosed = false;

  constructor(options: LocalMatchmakerOptions = {}) {
    this.#root = options.runtimeDir ?? defaultRuntimeDirectory();
    this.#onDropped = options.onDropped ?? (() => {});
  }

  async open(): Promise<void> {
    const problem = await prepareRuntimeDirectory(this.#root);
    if (problem !== undefined) throw new ConnectError(`cannot find other processes of this machine: ${problem}`);
    this.#inBackground(this.#sweep());
  }

  async listenAddress(): Promise<string> {
    const problem = await prepareRuntimeDirectory(this.#root);
    if (problem !== undefined) throw new ListenError(`cannot listen on this machine: ${problem}`);
    const path = this.#socketOf(this.#token);
    const bytes = Buffer.byteLength(path);
    if (bytes > MAX_IPC_PATH_BYTES) {
      throw new ListenError(
        `cannot listen on ${path}: a socket's path has at most ${MAX_IPC_PATH_BYTES} bytes, and this has ${bytes}; ` +
          "set XDG_RUNTIME_DIR, or the URL's option runtimeDir, to a shorter directory",
      );
    }
    return `ipc://${path}`;
  }

  async register(record: ListenerRecord): Promise<Lease> {
    if (this.#isClosed) throw new ListenError(`cannot register "${record.topic}": the matchmaker is closed`);
    this.#registered += 1;
    const directory = join(this.#root, topicDirectoryName(record));
    const path = join(directory, `${this.#token.text}-${this.#registered}${RECORD}`);
    const putting = putRecord(directory, path, encodeRecord(record));
    const lease = new FileLease(directory, path, putting, () => this.#leases.delete(lease));
    this.#leases.add(lease);
    try {
      await putting;
    } catch (error) {
      await lease.withdraw();
      const problem = (await prepareRuntimeDirectory(this.#root)) ?? reasonOf(error);
      throw new ListenError(`cannot register "${record.topic}" in ${directory}: ${problem}`, { cause: error });
    }
    if (this.#isClosed) {
      await lease.withdraw();
      throw new ListenError(`cannot register "${record.topic}": the matchmaker was closed meanwhile`);
    }
    return lease;
  }

  async lookup(key: TopicKey): Promise<readonly ListenerRecord[]> {
    const directory = topicDirectoryName(key);
    let reading = this.#shared.get(directory);
    if (reading === undefined) {
      // Begun at the end of this tick, a read is fresh for all who asked within it, and none joins one that has begun.
      reading = new Promise((resolve, reject) => {
        process.nextTick(() => {
          this.#shared.delete(directory);
          this.#read(directory).then(resolve, reject);
        });
      });
      this.#shared.set(directory, reading);
    }
    return (await reading).filter((record) => isOfTopic(record, key));
  }

  watch(key: TopicKey, onChange: () => void): () => void {
    const watch = new TopicWatch(this.#root, topicDirectoryName(key), onChange);
    this.#watches.add(watch);
    return () => {
      watch.end();
      this.#watches.delete(watch);
    };
  }

  refused(record: ListenerRecord): void {
    const token = parseProcessToken(basename(record.address, SOCKET));
    if (token === undefined || this.#isClosed) return;
    this.#inBackground(this.#removeDead(token, topicDirectoryName(record)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
    await Promise.all([...this.#leases].map((lease) => lease.withdraw()));
    await Promise.all(this.#background);
    await removeIpcFile(this.#socketOf(this.#token));
  }

  #socketOf(token: ProcessToken): string {
    return join(this.#root, token.text + SOCKET);
  }

  async #read(directory: string): Promise<readonly ListenerRecord[]> {
    const names = (await list(join(this.#root, directory))).filter((name) => name.endsWith(RECORD));
    const before = this.#parsed.get(directory);
    const now = new Map<string, ListenerRecord | undefined>();
    await Promise.all(
      names.map(async (name) => {
        if (before?.has(name) === true) {
          now.set(name, before.get(name));
          return;
        }
        const path = join(this.#root, directory, name);
        const text = await readFile(path, "utf8").catch(() => undefined);
        // Withdrawn meanwhile.
        if (text === undefined) return;
        const record = decodeRecord(text);
        now.set(name, record);
        if (record === undefined) this.#onDropped("a file in the runtime directory that is no record", path);
      }),
    );
    this.#parsed.delete(directory);
    if (now.size > 0) this.#parsed.set(directory, now);
    if (this.#parsed.size > MAX_PARSED_TOPICS) {
      const readLongestAgo = this.#parsed.keys().next().value;
      if (readLongestAgo !== undefined) this.#parsed.delete(readLongestAgo);
    }
    return [...now.values()].filter((record) => record !== undefined);
  }

  #inBackground(work: Promise<void>): void {
    // Sweeping is a kindness: what cannot be removed now is met again.
    const settled = work.catch(() => undefined).finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  /** Looks through the whole directory for what killed processes left. A process that ends at once finishes it too. */
  async #sweep(): Promise<void> {
    const dead = new Map<string, Promise<boolean>>();
    const isDead = (token: ProcessToken): Promise<boolean> => {
      const known = dead.get(token.text) ?? this.#isDead(token);
      dead.set(token.text, known);
      return known;
    };
    for (const name of await list(this.#root)) {
      if (isTopicDirectoryName(name)) {
        await this.#sweepTopic(name, isDead);
      } else if (name.endsWith(SOCKET)) {
        const token = parseProcessToken(basename(name, SOCKET));
        if (token !== undefined && (await isDead(token))) await removeIpcFile(join(this.#root, name));
      }
    }
  }

  async #removeDead(token: ProcessToken, directory: string): Promise<void> {
    if (!(await this.#isDead(token))) return;
    await this.#sweepTopic(directory, async (owner) => owner.text === token.text);
    await removeIpcFile(this.#socketOf(token));
  }

  async #sweepTopic(directory: string, isDead: (token: ProcessToken) => Promise<boolean>): Promise<void> {
    const path = join(this.#root, directory);
    for (const name of await list(path)) {
      const token = ownerOf(name);
      if (token !== undefined && (await isDead(token))) await removeFile(join(path, name));
    }
    await removeIfEmpty(path);
  }

  async #isDead(token: ProcessToken): Promise<boolean> {
    if (token.text === this.#token.text || !isGone(token)) return false;
    const state = await ipcPathState(this.#socketOf(token)).catch(() => "live" as const);
    return state === "stale" || state === "free";
  }
}

class FileLease implements Lease {
  readonly #directory: string;
  readonly #path: string;
  readonly #putting: Promise<void>;
  readonly #onWithdrawn: () => void;
  #withdrawing: Promise<void> | undefined;

  constructor(directory: string, path: string, putting: Promise<void>, onWithdrawn: () => void) {
    this.#directory = directory;
    this.#path = path;
    this.#putting = putting;
    this.#onWithdrawn = onWithdrawn;
  }

  withdraw(): Promise<void> {
    this.#withdrawing ??= this.#withdraw();
    return this.#withdrawing;
  }

  async #withdraw(): Promise<void> {
    // What is still being written would come after its removal; whether it fails is told by `register`.
    await this.#putting.catch(() => undefined);
    await removeFile(this.#path);
    await removeIfEmpty(this.#directory);
    this.#onWithdrawn();
  }
}

/** Writes aside and renames: whoever reads the directory finds the whole record or none. */
async function putRecord(directory: string, path: string, text: string): Promise<void> {
  const temporary = path + TEMPORARY;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
      await writeFile(temporary, text, { mode: FILE_MODE });
      await rename(temporary, path);
      return;
    } catch (error) {
      if (codeOf(error) === "ENOENT" && attempt < REGISTER_ATTEMPTS) continue;
      await removeFile(temporary);
      throw error;
    }
  }
}

/** `<token>-<n>.json`, or the same with `.tmp`. */
function ownerOf(name: string): ProcessToken | undefined {
  const stem = name.slice(0, name.indexOf("."));
  return parseProcessToken(stem.slice(0, stem.lastIndexOf("-")));
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

async function removeFile(path: string): Promise<void> {
  // Gone already, or not ours to remove: a lease that cannot be withdrawn is swept when its process has ended.
  await unlink(path).catch(() => undefined);
}

async function removeIfEmpty(path: string): Promise<void> {
  // Not empty, or gone: both are well.
  await rmdir(path).catch(() => undefined);
}
