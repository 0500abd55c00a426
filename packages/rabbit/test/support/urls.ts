import { parseTransportUrl, type TransportUrl, withOptions } from "@trunkline/core/driver";
import { rabbitSchema } from "../../src/options/rabbit-options.js";
import { readSettings, schemaOf } from "../../src/options/read-settings.js";
import type { OsloSettings, RabbitSettings } from "../../src/options/settings.js";

/** The URL as core hands it to the driver: its options checked. */
export function urlOf(text: string): TransportUrl {
  return withOptions(parseTransportUrl(text), { scheme: "rabbit", options: rabbitSchema, optionsOf: schemaOf });
}

export function rabbitSettings(query: string, rest = ""): RabbitSettings {
  const settings = readSettings(urlOf(`rabbit://${rest}${query === "" ? "" : `?${query}`}`));
  if (settings.naming !== "rabbit") throw new TypeError(`a naming of ${settings.naming}`);
  return settings;
}

export function osloSettings(query: string, rest = ""): OsloSettings {
  const settings = readSettings(urlOf(`rabbit+oslo://${rest}${query === "" ? "" : `?${query}`}`));
  if (settings.naming !== "oslo") throw new TypeError(`a naming of ${settings.naming}`);
  return settings;
}
