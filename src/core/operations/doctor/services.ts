/** What a server needs around it: ports, databases, Redis, keys and certificate, as the configuration names them. */
import { text as readText } from 'node:stream/consumers';
import { type Diagnosis, failed, failedBy, ok, skipped, warning } from '../../base/diagnosis.js';
import { RobleError } from '../../base/errors.js';
import { hideUrlPassword } from '../../base/secret.js';
import { parseJson } from '../../base/storage/read-file.js';
import { countOf } from '../../base/text/text.js';
import { listKeys } from '../../serving/access/api-keys.js';
import { inspectRedis } from '../../serving/cache/stores.js';
import { describeDatabase, inspectDatabase, isPostgres } from '../../serving/predictions/database.js';
import type { ServeOptions } from '../../serving/settings.js';
import { tryListening } from '../../serving/transport/listen.js';
import { readCertificate } from '../../serving/transport/tls-certificate.js';
import { type DoctorCheck, usable } from './subject.js';

const DATABASE_WAITS = { connectMs: 3000, statementMs: 3000 };
const LIVE_MS = 1000;

interface Address {
  readonly host: string;
  readonly port: number;
}

type ServiceCheck = (
  serve: ServeOptions,
  isGiven: (key: string) => boolean,
) => Diagnosis | Promise<Diagnosis>;

/** A check of a configuration that can be used. */
function service(id: string, title: string, run: ServiceCheck): DoctorCheck {
  return {
    id,
    title,
    run(subject) {
      const configuration = usable(subject);
      if (!configuration) return skipped('the configuration cannot be used');
      return run(configuration.settings.serve, configuration.isGiven);
    },
  };
}

export const serviceChecks: readonly DoctorCheck[] = [
  service('port', 'Port of the server', ({ host, port, tls }, isGiven) =>
    portDiagnosis({ host, port }, { isChosen: isGiven('serve.port'), hasTls: tls !== undefined }),
  ),
  service('admin-port', 'Port of the administration', ({ admin: { host, port }, tls }) =>
    port === undefined
      ? skipped('none is configured')
      : portDiagnosis({ host, port }, { isChosen: true, hasTls: tls !== undefined }),
  ),
  service('predictions', 'Database of the predictions', ({ predictions: { url } }) =>
    url === 'none' ? skipped('none is configured') : databaseDiagnosis(url),
  ),
  service('redis', 'Redis', ({ cache: { url } }) =>
    url === undefined ? skipped('none is configured') : redisDiagnosis(url),
  ),
  service('keys', 'API keys', async ({ access: { keysFile } }) => {
    if (keysFile === undefined) return skipped('none are configured');
    const valid = (await listKeys(keysFile)).filter(({ state }) => state === 'valid');
    if (valid.length > 0) return ok(`${countOf(valid.length, 'valid key')} in ${keysFile}`);
    return warning(`${keysFile} has no valid key: nobody may ask`, 'Make one: roble keys:create.');
  }),
  service('certificate', 'Certificate', async ({ tls }) => {
    if (tls === undefined) return skipped('none is configured');
    const warnings: string[] = [];
    await readCertificate(tls, (message) => warnings.push(message));
    if (warnings.length === 0) return ok(tls.certFile);
    return failed(warnings.join(' '), 'Put a certificate there that is valid now; SIGHUP loads it.');
  }),
];

async function portDiagnosis(
  address: Address,
  { isChosen, hasTls }: { readonly isChosen: boolean; readonly hasTls: boolean },
): Promise<Diagnosis> {
  const name = `${address.host}:${address.port}`;
  try {
    await tryListening(address);
    return ok(`${name} is free`);
  } catch (thrown) {
    const isTaken = thrown instanceof RobleError && thrown.code === 'ROBLE_PORT_IN_USE';
    if (isTaken && (await isRobleThere(address, hasTls))) return ok(`a server of roble answers at ${name}`);
    const found = failedBy(thrown);
    // Who did not choose the port may never start a server.
    return isTaken && !isChosen ? { ...found, severity: 'warning' } : found;
  }
}

/** Whether a server of roble, or its administration, answers; whoever signed its certificate. */
async function isRobleThere(address: Address, hasTls: boolean): Promise<boolean> {
  const { get } = await (hasTls ? import('node:https') : import('node:http'));
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address.host] ?? address.host;
  const options = { ...address, host, path: '/health/live', rejectUnauthorized: false };
  return new Promise((resolve) => {
    const request = get({ ...options, signal: AbortSignal.timeout(LIVE_MS) }, async (answer) => {
      const text = await readText(answer).catch(() => '');
      const { status, code } = (parseJson(text) ?? {}) as { status?: unknown; code?: unknown };
      resolve(status === 'live' || String(code).startsWith('ROBLE_'));
    });
    request.once('error', () => resolve(false));
  });
}

async function databaseDiagnosis(url: string): Promise<Diagnosis> {
  const name = describeDatabase(url);
  try {
    const { hasTables, missingRights } = await inspectDatabase(url, DATABASE_WAITS);
    if (missingRights.length > 0)
      return failed(
        `${name}: this user may not ${missingRights.join(', ')}`,
        'Grant it, or name another user in serve.predictions.url.',
      );
    return ok(
      `${name}: ${hasTables ? 'predictions are kept there' : 'empty; the first server makes tables'}`,
    );
  } catch (thrown) {
    const { code, message } = thrown as RobleError;
    if (code === 'ROBLE_FILE_NOT_FOUND') return ok(`${name}: not there yet; the first server makes it`);
    return failed(
      `${name}: ${hideUrlPassword(message || String((thrown as NodeJS.ErrnoException).code))}`,
      isPostgres(url)
        ? 'Start PostgreSQL there, or mend serve.predictions.url; a server goes on without it, and keeps no predictions.'
        : 'Move the file away if it is no database of predictions; a new one is made.',
    );
  }
}

async function redisDiagnosis(url: string): Promise<Diagnosis> {
  const name = hideUrlPassword(url);
  try {
    const { maxBytes, policy } = await inspectRedis(url);
    const advice = 'Set "maxmemory 256mb" and "maxmemory-policy allkeys-lru" in its configuration.';
    if (maxBytes === 0) return warning(`${name}: has no bound of memory`, advice);
    if (policy === 'noeviction') return warning(`${name}: takes no new answers once it is full`, advice);
    return ok(name);
  } catch (thrown) {
    return failed(
      `${name}: ${hideUrlPassword((thrown as Error).message)}`,
      'Start Redis there, or mend serve.cache.url; a server goes on without it, and keeps answers in its memory alone.',
    );
  }
}
