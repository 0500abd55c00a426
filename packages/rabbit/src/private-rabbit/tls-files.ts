import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "@trunkline/core/testing";

/** What a client needs to try TLS: paths of PEM files. */
export interface TlsFiles {
  /** The authority that signed the server's certificate, for `localhost` and `127.0.0.1`, and the client's. */
  readonly ca: string;
  /** Of the common name `guest`, which is the user that EXTERNAL takes it for. */
  readonly clientCert: string;
  readonly clientKey: string;
  /** An authority that signed nothing here: who trusts it alone must refuse the server. */
  readonly otherCa: string;
}

/** {@link TlsFiles}, and what the server itself needs. */
export interface ServerTlsFiles extends TlsFiles {
  readonly serverCert: string;
  readonly serverKey: string;
}

const SETTINGS = `
[req]
distinguished_name = name
prompt = no
[name]
CN = Trunkline's tests
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
`;

const OPENSSL_WITHIN_MS = 30_000;

/**
 * Makes authorities, keys and certificates in a folder. They are valid for two days.
 * @throws Error where there is no `openssl`, or it fails.
 */
export async function makeTlsFiles(folder: string): Promise<ServerTlsFiles> {
  const program = findProgram(["openssl"]);
  if (program === undefined) throw new Error("cannot make certificates: there is no `openssl` on PATH; install it");
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Promise<unknown> =>
    promisify(execFile)(program, args, { cwd: folder, timeout: OPENSSL_WITHIN_MS });
  const newKey = ["-config", "settings.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = (name: string): Promise<unknown> =>
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-extensions",
      "ca",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  const signed = async (section: string, commonName: string): Promise<void> => {
    await openssl(
      "req",
      "-new",
      ...newKey,
      "-subj",
      `/CN=${commonName}`,
      "-keyout",
      `${section}.key`,
      "-out",
      `${section}.csr`,
    );
    await openssl(
      "x509",
      "-req",
      "-in",
      `${section}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-days",
      "2",
      "-set_serial",
      section === "server" ? "1" : "2",
      "-extfile",
      "settings.cnf",
      "-extensions",
      section,
      "-out",
      `${section}.pem`,
    );
  };
  await writeFile(path("settings.cnf"), SETTINGS);
  await Promise.all([authority("ca"), authority("other-ca")]);
  await Promise.all([signed("server", "localhost"), signed("client", "guest")]);
  return {
    ca: path("ca.pem"),
    clientCert: path("client.pem"),
    clientKey: path("client.key"),
    otherCa: path("other-ca.pem"),
    serverCert: path("server.pem"),
    serverKey: path("server.key"),
  };
}
