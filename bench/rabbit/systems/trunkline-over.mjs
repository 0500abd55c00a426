import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/rabbit";

/** The two sides of a system that speaks through this SDK over a URL of `scheme`. */
export function trunklineOver(scheme) {
  const open = (url) => openTransport(transportUrl(scheme, url), { drivers: [driver] });
  return {
    async serve(url, name, onCast) {
      const transport = await open(url);
      await transport.serve({ topic: name, server: "one" }, { echo: (params) => params, note: onCast });
      return { close: () => transport.close() };
    },

    async connect(url, name) {
      const transport = await open(url);
      const client = transport.client({ topic: name });
      return {
        call: (params) => client.call("echo", params),
        cast: (params) => client.cast("note", params),
        close: () => transport.close(),
      };
    },
  };
}

/** A transport URL's empty path is the virtual host `/`, as `amqp://host` without a path is. */
function transportUrl(scheme, amqpUrl) {
  const [, rest, path] = /^amqp:(\/\/[^/?]*)\/?([^?]*)/.exec(amqpUrl);
  return `${scheme}:${rest}/${path.toLowerCase() === "%2f" ? "" : path}`;
}
