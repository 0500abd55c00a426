/**
 * RabbitMQ for tests, in files that run in the projects `span` and `full`:
 *
 *     const rabbit = rabbitForTests();
 *     describe.skipIf(!hasRabbit)("…", () => {
 *       test("…", () => openTransport(rabbit.url()));          in a vhost of this file's own
 *     });
 *     describe.skipIf(!hasRabbitControl)("…", () => {
 *       test("…", () => rabbit.control.queues(rabbit.vhost));  what the broker itself says
 *     });
 *
 *     const own = privateRabbitForTests({ tls: true });        to kill, freeze, alarm: a broker of this file's own
 *     describe.skipIf(!hasPrivateRabbit)("…", () => {
 *       test("…", () => own.broker.kill());
 *     });
 *
 * A run has one shared broker: that of `TRUNKLINE_TEST_RABBIT_URL`, or a private one, which is started and ended with the
 * run. Where there is none, tests that need it are skipped, and the run says so once. With `TRUNKLINE_REQUIRE=rabbit` they
 * fail instead. What all files share must stay as it is: no kill, no alarm, no password of `guest`.
 */
import { randomBytes } from "node:crypto";
import {
  PrivateRabbit,
  type PrivateRabbitOptions,
  RabbitControl,
  type RabbitUrlOptions,
} from "@trunkline/rabbit/testing";
import { afterAll, beforeAll, beforeEach, inject } from "vitest";
import { askForRabbit } from "./shared-rabbit.js";

/** What `global-rabbit.ts` tells each test file. */
export interface RabbitProvision {
  /** `TRUNKLINE_REQUIRE` names it: tests do not skip. */
  readonly isRequired: boolean;
  /** RabbitMQ is installed here. */
  readonly canStart: boolean;
  /** Of a broker that was started by somebody else. */
  readonly url?: string;
  /** Where {@link askForRabbit} asks for the run's own. */
  readonly askAt?: number;
}

declare module "vitest" {
  interface ProvidedContext {
    rabbit: RabbitProvision;
  }
}

const provision = ((): RabbitProvision => {
  const provided = inject("rabbit");
  if (provided === undefined)
    throw new Error("only *.span.test.ts, *.full.test.ts and tests below test/ have a RabbitMQ");
  return provided;
})();

/** False where tests that need any RabbitMQ are to be skipped. */
export const hasRabbit: boolean = provision.isRequired || provision.url !== undefined || provision.askAt !== undefined;

/** False where tests that ask the shared RabbitMQ itself (`control`) are to be skipped. */
export const hasRabbitControl: boolean = provision.isRequired || provision.askAt !== undefined;

/** False where tests that start a RabbitMQ of their own are to be skipped. */
export const hasPrivateRabbit: boolean = provision.isRequired || provision.canStart;

const MISSING = "there is no RabbitMQ: run `npm run brokers -- install`";
const TOO_EARLY = "a RabbitMQ is there in hooks and tests, not while tests are collected";

/** A start takes five seconds, and more on a machine that does other things as well. */
const START_WITHIN_MS = 120_000;

/** The shared RabbitMQ, as one test file sees it. To be used in hooks and tests, not while tests are collected. */
export interface TestRabbit {
  /** Of this file alone; where the broker is that of `TRUNKLINE_TEST_RABBIT_URL`, the vhost of that URL. */
  readonly vhost: string;
  /** A transport URL, of {@link vhost} unless another is named. */
  url(options?: RabbitUrlOptions): string;
  /** The broker's own side. Throws where there is none: see {@link hasRabbitControl}. */
  readonly control: RabbitControl;
  /** Makes another vhost of this file alone, and resolves with its name. Needs the control. */
  addVhost(): Promise<string>;
}

/** Prepares the shared broker for a file, and clears away what is the file's when it is over. Call it at the top of the file. */
export function rabbitForTests(): TestRabbit {
  let control: RabbitControl | undefined;
  const vhosts: string[] = [];
  const controlled = (): RabbitControl => {
    if (control !== undefined) return control;
    if (provision.url !== undefined) throw new Error("the broker of TRUNKLINE_TEST_RABBIT_URL cannot be controlled");
    throw new Error(provision.askAt === undefined ? MISSING : TOO_EARLY);
  };
  const addVhost = async (): Promise<string> => {
    const vhost = `test-${randomBytes(6).toString("hex")}`;
    await controlled().addVhost(vhost);
    vhosts.push(vhost);
    return vhost;
  };

  if (provision.askAt === undefined && provision.url === undefined) failWhereRequired();
  beforeAll(async () => {
    if (provision.askAt === undefined) return;
    control = await RabbitControl.attach(await askForRabbit(provision.askAt));
    await addVhost();
  }, START_WITHIN_MS);

  afterAll(async () => {
    // A test may have deleted one already.
    for (const vhost of vhosts) await control?.deleteVhost(vhost).catch(() => {});
    await control?.detach();
  });

  return {
    get vhost() {
      if (provision.url !== undefined) return vhostOf(provision.url);
      const [first] = vhosts;
      if (first === undefined) throw new Error(provision.askAt === undefined ? MISSING : TOO_EARLY);
      return first;
    },
    url(options = {}) {
      if (provision.url !== undefined) return urlLike(provision.url, options);
      return controlled().url({ vhost: this.vhost, ...options });
    },
    get control() {
      return controlled();
    },
    addVhost,
  };
}

/** Starts a broker for one file, and ends it when the file is over. Call it at the top of the file or of a `describe`. */
export function privateRabbitForTests(options?: PrivateRabbitOptions): { readonly broker: PrivateRabbit } {
  let broker: PrivateRabbit | undefined;
  if (!provision.canStart) failWhereRequired();
  beforeAll(async () => {
    if (provision.canStart) broker = await PrivateRabbit.start(options);
  }, START_WITHIN_MS);
  afterAll(() => broker?.end());
  return {
    get broker() {
      if (broker === undefined) throw new Error(provision.canStart ? TOO_EARLY : MISSING);
      return broker;
    },
  };
}

/** Each test by itself: what a failed `beforeAll` keeps from running counts as skipped. */
function failWhereRequired(): void {
  if (!provision.isRequired) return;
  beforeEach(() => {
    throw new Error(MISSING);
  });
}

function vhostOf(url: string): string {
  const path = new URL(url).pathname.slice(1);
  return path === "" ? "/" : decodeURIComponent(path);
}

/** The given URL, but for what the options name. */
function urlLike(base: string, options: RabbitUrlOptions): string {
  const url = new URL(base);
  if (options.user !== undefined) url.username = encodeURIComponent(options.user);
  if (options.password !== undefined) url.password = encodeURIComponent(options.password);
  if (options.port !== undefined) url.port = String(options.port);
  if (options.vhost !== undefined) url.pathname = `/${encodeURIComponent(options.vhost)}`;
  // Not `searchParams`, which writes a space as a plus.
  const query = Object.entries(options.query ?? {}).map((pair) => pair.map(encodeURIComponent).join("="));
  url.search = [url.search.slice(1), ...query].filter((part) => part !== "").join("&");
  return options.scheme === undefined ? url.href : url.href.replace(/^[^:]+/, options.scheme);
}
