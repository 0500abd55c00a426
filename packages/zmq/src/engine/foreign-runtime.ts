import { NotSupportedError } from "@trunkline/core/driver";

const FOREIGN = { bun: "Bun", deno: "Deno" } as const;

/**
 * Which runtime this is, with its version, where it is none on which libzmq's add-on works: it waits for its sockets with functions of
 * libuv. Bun 1.4 has none of these and aborts the process; on Deno 2.9 it loads, and no message ever comes.
 * @param versions @default those of this process
 */
export function foreignRuntime(
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): string | undefined {
  for (const [key, name] of Object.entries(FOREIGN)) {
    const version = versions[key];
    if (version !== undefined) return `${name} ${version}`;
  }
  return undefined;
}

/** @throws NotSupportedError (`libzmq`): this runtime is not Node. */
export function refuseForeignRuntime(runtime: string | undefined = foreignRuntime()): void {
  if (runtime === undefined) return;
  throw new NotSupportedError(
    `engine=libzmq does not work on ${runtime}: the add-on of the package zeromq needs Node's event loop; ` +
      "use engine=zmtp, which needs no add-on and speaks to the same peers, or run on Node",
    "libzmq",
    "zmq",
  );
}
