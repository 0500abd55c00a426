import { readFile } from "node:fs/promises";
import {
  type Capabilities,
  type Driver,
  type DriverFactory,
  type DriverHost,
  InvalidTransportUrlError,
  type OpenOptions,
  type TransportUrl,
} from "@trunkline/core/driver";
import type { TlsSettings } from "./connection/dial.js";
import { capabilitiesOf } from "./options/manifest.js";
import { rabbitSchema } from "./options/rabbit-options.js";
import { readSettings, schemaOf } from "./options/read-settings.js";
import type { TlsFiles } from "./options/settings.js";
import { DRIVER_NAME, RabbitDriver } from "./rabbit-driver.js";
import { AttemptBook } from "./receiving/attempt-book.js";

/**
 * Trunkline's driver for RabbitMQ: `rabbit://[user:password@]host[:port][,…][/vhost][?option=value]` between services of this SDK,
 * durable; `rabbit+oslo://…` with the names and the wire behaviour of oslo.messaging, so that its processes and ours are peers.
 */
export const driver: DriverFactory = createRabbitDriver();

function createRabbitDriver(): DriverFactory {
  const attempts = new AttemptBook();
  return {
    scheme: "rabbit",
    name: DRIVER_NAME,
    version: "0.1.0",
    options: rabbitSchema,
    optionsOf: schemaOf,

    defaultExchangeOf(url: TransportUrl): string {
      return url.variant === "oslo" ? "openstack" : "default";
    },

    capabilities(url: TransportUrl): Capabilities {
      return capabilitiesOf(readSettings(url));
    },

    async open(url: TransportUrl, host: DriverHost, options: OpenOptions): Promise<Driver> {
      const settings = readSettings(url);
      const tls = settings.tls === undefined ? undefined : await readTls(settings.tls, settings.naming === "oslo");
      const { connectTimeoutMs, signal } = options;
      const opened = new RabbitDriver({
        settings,
        capabilities: capabilitiesOf(settings),
        tls,
        host,
        connectTimeoutMs,
        attempts,
      });
      await opened.open(signal);
      return opened;
    },
  };
}

async function readTls(files: TlsFiles, isOslo: boolean): Promise<TlsSettings> {
  const { caFile, certFile, keyFile, ...rest } = files;
  const names = isOslo ? ["ssl_ca_file", "ssl_cert_file", "ssl_key_file"] : ["tlsCaFile", "tlsCertFile", "tlsKeyFile"];
  const [ca, cert, key] = await Promise.all(
    [caFile, certFile, keyFile].map((file, index) => readPem(file, names[index] ?? "")),
  );
  return { ...rest, ca, cert, key };
}

async function readPem(file: string | undefined, option: string): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidTransportUrlError(
      `invalid transport URL: option "${option}" names a file that cannot be read: ${reason}`,
      `option:${option}`,
      { cause: error },
    );
  }
}
