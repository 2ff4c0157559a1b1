import { z } from 'zod';
import { path, positive } from '../../base/schema/checked.js';

export const tlsSchema = z.strictObject({
  certFile: path.describe('Certificate in PEM form, with its chain.'),
  keyFile: path.describe('Private key of the certificate, in PEM form.'),
});
export type TlsSettings = z.output<typeof tlsSchema>;

export const connectionsSchema = z
  .strictObject({
    max: positive.default(4096).describe('Connections at once; those that come on top are closed.'),
    headersTimeoutMs: positive
      .default(10_000)
      .describe('Time for a client to send the headers of a request, and for the handshake of TLS.'),
    receiveTimeoutMs: positive.default(60_000).describe('Time for a client to send a whole request.'),
    keepAliveTimeoutMs: positive
      .default(72_000)
      .describe('Idle connections are closed after this; set it above the idle timeout of a proxy in front.'),
    maxHeaderBytes: positive.default(16_384).describe('Largest headers of a request, in bytes.'),
  })
  .refine(({ headersTimeoutMs, receiveTimeoutMs }) => headersTimeoutMs <= receiveTimeoutMs, {
    path: ['headersTimeoutMs'],
    message: 'expected at most receiveTimeoutMs: the headers are part of the request',
  });
export type ConnectionSettings = z.output<typeof connectionsSchema>;
