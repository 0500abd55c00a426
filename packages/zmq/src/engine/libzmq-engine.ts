import { ConnectError, ListenError } from "@trunkline/core/driver";
import { ContextShelf } from "./context-shelf.js";
import type { Engine, EngineLink, EngineListener, EngineOptions, LinkHandler } from "./engine.js";
import { refuseForeignRuntime } from "./foreign-runtime.js";
import { type DialerHost, DialledLink } from "./libzmq-dialer.js";
import { LibzmqListener, type ListenerHost } from "./libzmq-listener.js";
import { ZapHandler } from "./libzmq-security.js";
import {
  checkFreeDescriptors,
  isOutOfFiles,
  loadNative,
  type NativeContext,
  OUT_OF_FILES,
  refuseWorkerThread,
  requireNative,
} from "./native.js";

/** Three for each dialled link, so room for some 5 000; fixed at a context's first socket. */
const MAX_SOCKETS = 16_384;
/** What the add-on, libzmq's threads and the first socket with its events open at once; where its threads find none, it aborts. */
const FIRST_DESCRIPTORS = 16;

/** Over any linger time that a link is closed with. */
const CLOSE_MS = 2_000;

export interface LibzmqEngineOptions extends EngineOptions {
  /** False: behave as a libzmq without its draft interface, which does not tell a listener who leaves. @default true */
  readonly seesDepartures?: boolean;
  /** Where contexts come from, and are left for the next engine. @default one of its own */
  readonly contexts?: ContextShelf;
}

/**
 * The engine over libzmq. Costs nothing until its first `dial` or `listen`, which loads the native add-on and starts
 * libzmq's thread in a context of this engine's own.
 *
 * An open link or listener keeps the process alive until it is closed.
 * @throws NotSupportedError (`worker-threads`: not in the main thread; `libzmq`: the package is not installed, or this is Bun or Deno).
 */
export function createLibzmqEngine(options: LibzmqEngineOptions): Engine {
  refuseWorkerThread();
  refuseForeignRuntime();
  requireNative();
  return new LibzmqEngine(options);
}

/** Resolves with the promise, or when the time is up. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

class LibzmqEngine implements Engine, DialerHost, ListenerHost {
  readonly name = "libzmq";
  readonly options: EngineOptions;
  readonly seesDepartures: boolean;
  /** Held until they are closed: a socket that nobody refers to is destroyed while it waits for a message. */
  readonly #links: Set<DialledLink> = new Set();
  readonly #listeners: Set<LibzmqListener> = new Set();
  /** Each resolves when libzmq has let go of the socket. */
  readonly #sockets: Set<Promise<void>> = new Set();
  readonly #opening: Set<Promise<unknown>> = new Set();
  readonly #contexts: ContextShelf;
  #zap: Promise<ZapHandler> | undefined;
  #context: NativeContext | undefined;
  #isClosed = false;

  constructor(options: LibzmqEngineOptions) {
    this.options = options;
    this.seesDepartures = options.seesDepartures ?? true;
    this.#contexts = options.contexts ?? new ContextShelf();
  }

  async listen(address: string, accept: (link: EngineLink) => LinkHandler): Promise<EngineListener> {
    if (this.#isClosed) throw new ListenError(`cannot listen on ${address}: the engine is closed`);
    const opening = LibzmqListener.open(this, address, accept);
    this.#opening.add(opening);
    try {
      const listener = await opening;
      this.#listeners.add(listener);
      if (this.#isClosed) throw new ListenError(`cannot listen on ${address}: the engine was closed meanwhile`);
      return listener;
    } finally {
      this.#opening.delete(opening);
    }
  }

  dial(address: string, handler: LinkHandler): EngineLink {
    const link = new DialledLink(this, address, handler);
    if (this.#isClosed) {
      link.cut("the engine is closed");
      return link;
    }
    this.#links.add(link);
    link.start();
    return link;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#links) link.cut("the engine is closed");
    await Promise.allSettled(this.#opening);
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    const [zap] = await Promise.allSettled([this.#zap]);
    if (zap?.status === "fulfilled") zap.value?.close();
    // Those that still had something to flush keep the process alive until they have, or their linger time is over.
    await within(CLOSE_MS, Promise.all(this.#sockets));
    if (this.#context !== undefined) this.#contexts.giveBack(this.#context);
    this.#context = undefined;
    this.options.security?.wipe();
  }

  openContext(): NativeContext | Promise<NativeContext> {
    this.#context ??= this.#contexts.take();
    return this.#context ?? this.#load();
  }

  /** Before the first listener, and until the engine is closed: without it libzmq would let nobody in. */
  async openZap(context: NativeContext): Promise<void> {
    const { security } = this.options;
    if (security === undefined) return;
    this.#zap ??= ZapHandler.open(context, security);
    try {
      await this.#zap;
    } catch (error) {
      this.#zap = undefined;
      throw error;
    }
  }

  closes(ended: Promise<void>): void {
    this.#sockets.add(ended);
    void ended.then(() => this.#sockets.delete(ended));
  }

  released(owner: DialledLink | LibzmqListener): void {
    if (owner instanceof DialledLink) this.#links.delete(owner);
    else this.#listeners.delete(owner);
  }

  async #load(): Promise<NativeContext> {
    try {
      checkFreeDescriptors(FIRST_DESCRIPTORS);
    } catch (cause) {
      if (isOutOfFiles(cause)) throw new ConnectError(`cannot start libzmq: ${OUT_OF_FILES}`, { cause });
      throw cause;
    }
    const native = await loadNative();
    if (this.#isClosed) throw new ConnectError("the engine was closed meanwhile");
    this.#context ??= { native, context: new native.Context({ blocky: false, maxSockets: MAX_SOCKETS }) };
    return this.#context;
  }
}
