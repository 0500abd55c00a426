import { NotSupportedError } from "@trunkline/core/driver";
import { type NativeLibrary, NativeSodium } from "./native-sodium.js";
import type { Sodium } from "./sodium.js";
import { WasmSodium } from "./wasm-sodium.js";

/** Loads one of the libraries; rejects where it is not installed, or does not load here. */
export type SodiumLoader = () => Promise<Sodium>;

/** A name that TypeScript does not look up: the package has no types. */
const SODIUM_NATIVE: string = "sodium-native";

async function nativeLibrary(): Promise<NativeLibrary> {
  const loaded: { readonly default: unknown } = await import(SODIUM_NATIVE);
  // Of the versions that package.json allows; each function is called by the tests beside the other library.
  return loaded.default as NativeLibrary;
}

/** In this order: the add-on has a binary for the usual platforms, and WebAssembly runs on all. */
export const SODIUM_LOADERS: Readonly<Record<Sodium["name"], SodiumLoader>> = {
  "sodium-native": async () => new NativeSodium(await nativeLibrary()),
  "libsodium-wrappers": async () => {
    const wrappers = await import("libsodium-wrappers");
    await wrappers.ready;
    // Its functions come with `ready`; the namespace of the import is from before.
    return new WasmSodium(wrappers.default);
  },
};

/**
 * The library for CURVE's cryptography. Nothing of it is loaded before this is called, and neither package is one that an
 * installation without CURVE needs.
 * @throws NotSupportedError (`curve-library`): neither is installed or loads here; `cause` is an AggregateError of both reasons.
 * @see docs/adr/0024-crypto-library.md
 */
export async function loadSodium(
  loaders: Readonly<Partial<Record<Sodium["name"], SodiumLoader>>> = SODIUM_LOADERS,
): Promise<Sodium> {
  const reasons: unknown[] = [];
  for (const load of Object.values(loaders)) {
    try {
      return await load();
    } catch (error) {
      reasons.push(error);
    }
  }
  throw new NotSupportedError(
    "security=curve with engine=zmtp needs a cryptographic library, and none is installed that loads here: install sodium-native " +
      "(an add-on, the faster one) or libsodium-wrappers (WebAssembly) beside @trunkline/zmq, or use engine=libzmq, which has its own",
    "curve-library",
    "zmq",
    { cause: new AggregateError(reasons, "no library for CURVE loads") },
  );
}
