import { createHash } from "node:crypto";
import type { CloudRequest } from "./trace.js";

/** What every host has; a request for more fits nowhere. */
const HOST_VCPUS = 64;

/**
 * Where a request belongs, as `host3@ceph`: the home that the instance's name hashes to. It depends on nothing but the
 * arguments, so that every scheduler, and every run, decides alike.
 */
export function homeOf({ instance, backend }: CloudRequest, hosts: number): string {
  const digest = createHash("sha256").update(instance).digest();
  return `host${digest.readUInt32BE(0) % hosts}@${backend}`;
}

/** The next host, for a migration: same backend. */
export function neighbourOf(server: string, hosts: number): string {
  const [host = "", backend = ""] = server.split("@");
  return `host${(Number(host.replace("host", "")) + 1) % hosts}@${backend}`;
}

export function fitsAnyHost({ vcpus }: CloudRequest): boolean {
  return vcpus <= HOST_VCPUS;
}
