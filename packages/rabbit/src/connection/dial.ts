import { type ChannelModel, connect, credentials, type SocketOptions } from "amqplib";
import type { BrokerHost } from "./host-order.js";

/** How a client proves who it is (SASL). */
export type LoginMechanism = "plain" | "amqplain" | "external";

/** TLS of a connection; certificates and keys are PEM text that was read when the transport opened. */
export interface TlsSettings {
  /** The authorities that are trusted. @default the system's */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** False: whoever answers is taken for the broker, as long as its certificate is from a trusted authority. */
  readonly checksHostName: boolean;
  /** The name that the certificate must have. @default the host's */
  readonly serverName?: string | undefined;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** What all connections of a transport have in common. */
export interface DialSettings {
  readonly vhost: string;
  readonly login: LoginMechanism;
  readonly heartbeatMs: number;
  /** How long a connection may take to be made, handshake included. */
  readonly dialTimeoutMs: number;
  readonly tls: TlsSettings | undefined;
}

/** One connection to a broker. */
export interface DialedConnection {
  readonly model: ChannelModel;
  /** Ends the socket at once, whatever is on its way. Harmless when it has ended. */
  destroy(): void;
}

/**
 * Makes one connection. Ends with an error after `dialTimeoutMs`, or when `signal` fires: the socket is gone then.
 *
 * The library offers no way to give up a connection in the making, nor to drop one whose peer has fallen silent; the signal
 * that Node's sockets take does both.
 */
export async function dial(
  host: BrokerHost,
  settings: DialSettings,
  name: string,
  signal: AbortSignal,
): Promise<DialedConnection> {
  const socket = new AbortController();
  const giveUp = (): void => socket.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", giveUp, { once: true });
  const model = await connect(
    {
      protocol: settings.tls === undefined ? "amqp" : "amqps",
      hostname: host.host,
      port: host.port,
      // It is taken for a part of a URL, and decoded.
      vhost: encodeURIComponent(settings.vhost),
      heartbeat: Math.round(settings.heartbeatMs / 1_000),
    },
    socketOptions(host, settings, name, socket.signal),
  ).finally(() => signal.removeEventListener("abort", giveUp));
  const destroy = (): void => {
    // An end that was asked for is no error, whether or not anybody listens.
    model.on("error", () => {});
    socket.abort();
  };
  return { model, destroy };
}

function socketOptions(
  host: BrokerHost,
  { login, tls }: DialSettings,
  name: string,
  signal: AbortSignal,
): SocketOptions & { readonly signal: AbortSignal } {
  return {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 60_000,
    signal,
    credentials: credentialsOf(host, login),
    clientProperties: { connection_name: name, product: "trunkline" },
    ...(tls === undefined ? {} : tlsOptions(tls)),
  };
}

function credentialsOf(
  { user, password }: BrokerHost,
  login: LoginMechanism,
): NonNullable<SocketOptions["credentials"]> {
  switch (login) {
    case "plain":
      return credentials.plain(user ?? "guest", password ?? "guest");
    case "amqplain":
      return credentials.amqplain(user ?? "guest", password ?? "guest");
    case "external":
      return credentials.external();
  }
}

function tlsOptions({ ca, cert, key, checksHostName, serverName, minVersion }: TlsSettings): SocketOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(checksHostName ? {} : { checkServerIdentity: () => undefined }),
  };
}
