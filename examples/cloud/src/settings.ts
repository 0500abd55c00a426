/** `api`, `scheduler1`, `host7`, `telemetry`: also the server name under which a role answers to the conductor. */
export type RoleName = string;

/** What every role is told; plain data, so that it can be sent to a process. */
export interface Settings {
  readonly url: string;
  /** The run's own, so that nothing of another run is met on a shared backend. */
  readonly exchange: string;
  readonly hosts: number;
  readonly trace: string;
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
