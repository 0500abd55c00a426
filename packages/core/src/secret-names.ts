/** Fragments that make a name secret wherever they stand in it: `x-auth-token`, `authtoken` and `AuthToken` alike. */
const FRAGMENTS: readonly string[] = [
  "password",
  "passwd",
  "passphrase",
  "secret",
  "token",
  "credential",
  "apikey",
  "accesskey",
  "privatekey",
  "authorization",
  "cookie",
  "sessionid",
];

/** Words too short to look for inside others: they count only as a whole word of the name. */
const WORDS: ReadonlySet<string> = new Set(["pass", "pwd", "auth", "jwt", "bearer", "otp"]);

/**
 * Whether a key looks as if its value were a secret (C1, F4): it names a token, password, secret, key or credential.
 * Errs on the safe side: `tokenizer` counts as one.
 */
export function looksSecret(name: string): boolean {
  const squeezed = name.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
  if (FRAGMENTS.some((fragment) => squeezed.includes(fragment))) return true;
  const words = name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);
  return words.some((word) => WORDS.has(word));
}
