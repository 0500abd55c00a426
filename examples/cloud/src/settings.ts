/** `api`, `scheduler1`, `host7`, `telemetry`: also the server name under which a role answers to the conductor. */
export type RoleName = string;

/** What every role is told; plain data, so that it can be sent to a process. */
export interface Settings {
  readonly url: string;
  /** Begins the name of each topic and pool of this run. */
  readonly run: string;
  readonly topics: Topics;
  readonly hosts: number;
  readonly trace: string;
}

const TOPICS = ["control", "api", "scheduler", "compute", "notifications"] as const;
export type Topics = Readonly<Record<(typeof TOPICS)[number], string>>;

/**
 * A run has topics of its own, and pools: on a shared backend it meets nothing of another run, nor of a real service called
 * `compute`. An exchange of its own would do where the manifest claims `exchanges`; names do everywhere.
 */
export function topicsOf(run: string): Topics {
  // It has each topic of the list.
  return Object.fromEntries(TOPICS.map((topic) => [topic, `${run}-${topic}`])) as Topics;
}

/** Every role of a cloud. */
export function roleNames(hosts: number): readonly RoleName[] {
  return ["telemetry", ...hostNames(hosts), "scheduler1", "scheduler2", "api"];
}

/** Each host has two servers, one for each of its backends. */
export const BACKENDS: readonly string[] = ["ceph", "lvm"];

export function hostNames(hosts: number): readonly string[] {
  return Array.from({ length: hosts }, (_, index) => `host${index}`);
}

/** The pools that get every event. */
export const POOLS: readonly string[] = ["audit", "metering"];
