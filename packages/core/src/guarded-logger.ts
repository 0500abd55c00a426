import type { Logger } from "./host.js";

/**
 * The application's logger, whose own failures are its own (E5): one that throws, over an odd error say, must not cost a
 * caller its reply or a consumer its life.
 */
export function guardLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger): Logger["debug"] =>
    (message, fields) => {
      try {
        logger[level](message, fields);
      } catch {
        // There is nowhere left to say so; the events of a transport tell the same to whoever listens.
      }
    };
  return { debug: guard("debug"), info: guard("info"), warn: guard("warn"), error: guard("error") };
}
