/** Frames that hold one record only: the greeting's, which go to the engine past any batch. */
import { ValueWriter } from "@trunkline/core/driver";
import { type RefuseCode, writeRefuse } from "../wire/greeting.js";

/** More than any greeting needs: names are short. */
const SOLE_FRAME_BYTES = 1024;

/** The bytes of one record, in a buffer of its own. */
export function soleFrame(write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter({
    onFull(full, needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(SOLE_FRAME_BYTES, full.bytes.length * 2, full.position + needed));
      full.bytes.copy(grown, 0, 0, full.position);
      full.bytes = grown;
    },
  });
  write(writer);
  return writer.bytes.subarray(0, writer.position);
}

export function refusalFrame(code: RefuseCode, text: string): Uint8Array {
  return soleFrame((writer) => writeRefuse(writer, { code, text }));
}
