import { parseArgs } from "node:util";

export const USAGE = `usage: npm start -- [--url URL] [--topic NAME]… [--exchange NAME]… [--pool NAME] [--count N] [--interval MS] [--json]

  --url URL        the bus (default rabbit+oslo://guest:guest@localhost)
  --topic NAME     what to listen on, several times if need be (default notifications)
  --exchange NAME  whose events: a service's control_exchange, such as nova; several times if need be (default: the bus's)
  --pool NAME      get every event, whoever else listens; without it events are shared with those who have no pool either
  --count N        end after so many events, or a few more
  --interval MS    show the table so often (default 1000 on a terminal, else 10000)
  --json           one JSON object a line instead of the table`;

export interface Arguments {
  readonly url: string;
  readonly topics: readonly string[];
  /** Undefined is the one that the URL's driver takes where none is named: `openstack` over rabbit+oslo. */
  readonly exchanges: readonly (string | undefined)[];
  readonly pool: string | undefined;
  readonly count: number;
  readonly intervalMs: number | undefined;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** @throws Error that says what is wrong with them. */
export function readArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      url: { type: "string" },
      topic: { type: "string", multiple: true },
      exchange: { type: "string", multiple: true },
      pool: { type: "string" },
      count: { type: "string" },
      interval: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  return {
    url: values.url ?? "rabbit+oslo://guest:guest@localhost",
    topics: values.topic ?? ["notifications"],
    exchanges: values.exchange ?? [undefined],
    pool: values.pool,
    count: wholeNumber("--count", values.count) ?? Number.POSITIVE_INFINITY,
    intervalMs: wholeNumber("--interval", values.interval),
    isJson: values.json === true,
    isHelp: values.help === true,
  };
}

function wholeNumber(option: string, word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const number = Number(word);
  // No more than a timer takes.
  if (!/^\d+$/.test(word) || number < 1 || number > 2 ** 31 - 1)
    throw new Error(`${option} takes a whole number from 1`);
  return number;
}
