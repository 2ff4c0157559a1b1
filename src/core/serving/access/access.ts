import type { Server as TlsServer } from 'node:https';
import { type AddressInfo, BlockList, isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { createHttpServer } from '../transport/http-server.js';
import type { ConnectionSettings, TlsSettings } from '../transport/settings.js';
import { readCertificate, type TlsCertificate } from '../transport/tls-certificate.js';
import { KeyRing } from './api-keys.js';
import { recogniseKeys, requireAccess, requireKeys } from './authorize.js';
import { addBrowserRules, allowOrigins, type CrossOriginRules, refusePages } from './browser-rules.js';
import { ClientAddresses } from './client-address.js';
import { addRateLimit } from './rate-limit.js';
import type { AccessSettings } from './settings.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** From where it comes, through the proxies that are trusted. */
    readonly clientAddress: string;
  }
}

type ServerOptions = Pick<FastifyServerOptions, 'serverFactory' | 'clientErrorHandler'>;

export interface ServerAccessOptions {
  readonly access: AccessSettings;
  readonly tls?: TlsSettings | undefined;
  readonly connections: ConnectionSettings;
  /** Redis in which several servers share their rate limits. */
  readonly redisUrl?: string | undefined;
}

/** Who may ask a server: its keys, limits and certificate. */
export class ServerAccess {
  readonly #options: ServerAccessOptions;
  readonly #keys: KeyRing | undefined;
  readonly #certificate: TlsCertificate | undefined;
  readonly #warn: (message: string) => void;

  private constructor(
    options: ServerAccessOptions,
    keys: KeyRing | undefined,
    certificate: TlsCertificate | undefined,
    warn: (message: string) => void,
  ) {
    this.#options = options;
    this.#keys = keys;
    this.#certificate = certificate;
    this.#warn = warn;
  }

  /** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_KEYS_INVALID`, `ROBLE_TLS_INVALID` */
  static async open(options: ServerAccessOptions, warn: (message: string) => void): Promise<ServerAccess> {
    const { access, tls } = options;
    const keys = access.keysFile === undefined ? undefined : await KeyRing.open(access.keysFile, warn);
    return new ServerAccess(options, keys, tls && (await readCertificate(tls, warn)), warn);
  }

  /** `http` or `https`. */
  get scheme(): string {
    return this.#certificate ? 'https' : 'http';
  }

  /** How Fastify makes the server of the predictions. */
  get serverOptions(): ServerOptions {
    return this.#serverOptions(this.#certificate);
  }

  /** The same of the administration, which speaks plain http. */
  get administrationOptions(): ServerOptions {
    return this.#serverOptions();
  }

  #serverOptions(certificate?: TlsCertificate): ServerOptions {
    return {
      serverFactory: (handler) => createHttpServer(handler, this.#options.connections, certificate),
      // The server answers these errors itself.
      clientErrorHandler: () => {},
    };
  }

  /**
   * Decides, before anything else, which requests for predictions are answered. Has to come before the routes.
   *
   * @param needs of scripts that use them
   */
  async guard(app: FastifyInstance, needs: Omit<CrossOriginRules, 'origins'>): Promise<void> {
    const { access, redisUrl } = this.#options;
    requireAccess(app);
    await addBrowserRules(app, { isTls: this.#certificate !== undefined });
    if (access.cors.length > 0) allowOrigins(app, { origins: access.cors, ...needs });
    app.addHook('onRequest', ({ raw }, _, done) => {
      const isMissing = raw.httpVersion === '1.1' && raw.headers.host === undefined;
      done(
        isMissing ? new RobleError('ROBLE_REQUEST_INVALID', 'The request has no header Host.') : undefined,
      );
    });
    app.decorateRequest('apiKey', undefined);
    const addresses = new ClientAddresses(access.trustedProxies);
    app.decorateRequest('clientAddress', {
      getter() {
        return addresses.of(this.raw);
      },
    });
    if (this.#keys) recogniseKeys(app, this.#keys);
    await addRateLimit(app, { ...access.rateLimit, redisUrl, warn: this.#warn });
    if (this.#keys) requireKeys(app);
  }

  /** The same for the administration, which has no limits, and no pages. */
  guardAdministration(app: FastifyInstance): void {
    requireAccess(app);
    refusePages(app);
    app.decorateRequest('apiKey', undefined);
    if (!this.#keys) return;
    recogniseKeys(app, this.#keys);
    requireKeys(app);
  }

  /** Says clearly when everybody in a network may ask. */
  warnIfOpen(app: FastifyInstance): void {
    const { address } = app.server.address() as AddressInfo;
    if (this.#keys || isLoopback(address)) return;
    this.#warn(
      `The server listens on ${address} without keys: whoever reaches it may use it. ` +
        'Make keys with "roble keys:create" and name their file in serve.access.keysFile, or listen on 127.0.0.1.',
    );
  }

  /** Takes the certificate that lies in its file now, for new connections; one that is of no use leaves the old one. */
  async renewCertificate(app: FastifyInstance): Promise<void> {
    if (!this.#options.tls) return;
    try {
      const certificate = await readCertificate(this.#options.tls, this.#warn);
      (app.server as TlsServer).setSecureContext(certificate);
    } catch (error) {
      this.#warn(`The certificate stays as it was: ${(error as Error).message}`);
    }
  }
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
