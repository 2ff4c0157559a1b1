import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { RobleError } from '../../base/errors.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import type { TlsSettings } from './settings.js';

/** A certificate with its private key, both in PEM form. */
export interface TlsCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads a certificate and its key, and checks that they can be used.
 *
 * @param warn called for a certificate that is not valid at this time
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_TLS_INVALID`
 */
export async function readCertificate(
  { certFile, keyFile }: TlsSettings,
  warn: (message: string) => void,
): Promise<TlsCertificate> {
  const [cert, key] = await Promise.all([certFile, keyFile].map(readPem));
  const certificate = attempt(certFile, 'a certificate in PEM form', () => new X509Certificate(cert!));
  attempt(keyFile, 'the private key of the certificate, in PEM form, without a passphrase', () =>
    createSecureContext({ cert: cert!, key: key! }),
  );
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now || Date.parse(certificate.validFrom) > now)
    warn(
      `${certFile} is valid from ${certificate.validFrom} to ${certificate.validTo}; clients will refuse it.`,
    );
  return { cert: cert!, key: key! };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readPlainFile(path);
  } catch (error) {
    throw RobleError.from(error);
  }
}

function attempt<T>(path: string, expected: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new RobleError('ROBLE_TLS_INVALID', `${path} cannot be used: ${(cause as Error).message}.`, {
      expected,
      cause,
    });
  }
}
