import { PrivateRabbit } from "@trunkline/rabbit/testing";
import type { TestProject } from "vitest/node";
import type { RabbitProvision } from "./rabbit.js";
import { SharedRabbit } from "./shared-rabbit.js";

interface Run {
  readonly provision: RabbitProvision;
  readonly shared: SharedRabbit | undefined;
  /** Vitest calls `setup` once for each of its projects, each time in a copy of this module of its own. */
  projects: number;
}

const KEY = Symbol.for("trunkline.tests.rabbit");

/** What all copies of this module have in common: vitest's process. */
const world: typeof globalThis & { [KEY]?: Promise<Run> } = globalThis;

/** Vitest's `globalSetup` of the projects that may need a broker; what tests see of it is `rabbit.ts`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  world[KEY] ??= begin();
  const run = await world[KEY];
  run.projects++;
  project.provide("rabbit", run.provision);
  // A run of some files starts a broker once one of them asks. A run of all will need one.
  if (!isFiltered(project.vitest)) run.shared?.begin();
  return async () => {
    run.projects--;
    if (run.projects > 0) return;
    delete world[KEY];
    await run.shared?.close();
  };
}

async function begin(): Promise<Run> {
  const isRequired = (process.env["TRUNKLINE_REQUIRE"] ?? "").split(",").includes("rabbit");
  const url = process.env["TRUNKLINE_TEST_RABBIT_URL"];
  const canStart = PrivateRabbit.findServer() !== undefined;
  const told = isRequired ? "fail" : "are skipped";
  if (url !== undefined && url !== "") {
    console.error(`\nTRUNKLINE_TEST_RABBIT_URL names a broker that tests cannot control: those that must ${told}\n`);
    return { provision: { isRequired, canStart, url }, shared: undefined, projects: 0 };
  }
  if (!canStart) {
    console.error(`\nNO RABBITMQ: tests that need one ${told}; \`npm run brokers -- install\` brings it\n`);
    return { provision: { isRequired, canStart }, shared: undefined, projects: 0 };
  }
  const shared = await SharedRabbit.open();
  return { provision: { isRequired, canStart, askAt: shared.port }, shared, projects: 0 };
}

/** True where the command line names files. */
function isFiltered(vitest: object): boolean {
  const names = "filenamePattern" in vitest ? vitest.filenamePattern : undefined;
  return Array.isArray(names) && names.length > 0;
}
