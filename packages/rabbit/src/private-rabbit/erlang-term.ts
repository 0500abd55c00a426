/** A text as an Erlang binary, byte by byte: no character of it can end the term or mean anything else. */
export function binary(text: string): string {
  return `<<${[...Buffer.from(text, "utf8")].join(",")}>>`;
}

/** The name of a queue or an exchange, as the broker's own functions take it. */
export function resource(vhost: string, kind: "queue" | "exchange", name: string): string {
  return `rabbit_misc:r(${binary(vhost)}, ${kind}, ${binary(name)})`;
}
