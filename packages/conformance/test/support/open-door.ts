import { type DriverFactory, parseTransportUrl, withOptions } from "@trunkline/core/driver";

/** A driver that takes no credentials, behind a door that lets everybody in: it never sees those of its URL. */
export function openDoor(factory: DriverFactory): DriverFactory {
  return {
    ...factory,
    capabilities: (url) => factory.capabilities(url),
    open: (url, host, options) => factory.open(withOptions(parseTransportUrl(url.toString()), factory), host, options),
  };
}
