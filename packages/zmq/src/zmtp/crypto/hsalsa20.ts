/** "expand 32-byte k", the constants of Salsa20 with a key of 256 bits, as little-endian words. */
const SIGMA: readonly (readonly [word: number, value: number])[] = [
  [0, 0x61707865],
  [5, 0x3320646e],
  [10, 0x79622d32],
  [15, 0x6b206574],
];
const WORD = 4;

/**
 * HSalsa20 of a key and a zero input, from a block of Salsa20's stream.
 *
 * Both run the same rounds over the same words; Salsa20 adds its input to the outcome, and HSalsa20 takes eight words without that
 * (D. J. Bernstein, "Extending the Salsa20 nonce", section 2). With a zero nonce and block number the input of words 6 to 9 is
 * zero, and that of words 0, 5, 10 and 15 are the constants: they are taken off again. No arithmetic on secrets depends on them.
 *
 * @param block the first 64 bytes of the stream with that key and a nonce of zeros.
 */
export function hsalsa20Of(block: Buffer): Buffer {
  const key = Buffer.alloc(32);
  for (const [index, [word, value]] of SIGMA.entries()) {
    key.writeUInt32LE((block.readUInt32LE(word * WORD) - value) >>> 0, index * WORD);
  }
  block.copy(key, 4 * WORD, 6 * WORD, 10 * WORD);
  return key;
}
