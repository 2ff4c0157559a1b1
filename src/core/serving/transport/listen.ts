import { createServer } from 'node:net';
import { type ErrorCode, RobleError } from '../../base/errors.js';

interface Refusal {
  readonly code: ErrorCode;
  readonly why: string;
  readonly expected: string;
  readonly nextStep: string;
}

const OTHER_PORT = 'Choose another port with --port, or 0 for any free one.';
const NO_ADDRESS: Refusal = {
  code: 'ROBLE_LISTEN_REFUSED',
  why: 'this machine has no such address',
  expected: 'an address of this machine, or 0.0.0.0 for all of them',
  nextStep: 'Choose another address with --host.',
};
const NOT_ALLOWED: Refusal = {
  code: 'ROBLE_LISTEN_REFUSED',
  why: 'this user may not',
  expected: 'a port from 1024 on, unless the system gives the right to use those below',
  nextStep: 'Choose another port with --port, and let a proxy or a forwarded port stand before it.',
};

const REFUSALS: Readonly<Record<string, Refusal>> = {
  EADDRINUSE: {
    code: 'ROBLE_PORT_IN_USE',
    why: 'something else listens there',
    expected: 'a free port of this machine',
    nextStep: OTHER_PORT,
  },
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EADDRNOTAVAIL: NO_ADDRESS,
  EAFNOSUPPORT: { ...NO_ADDRESS, why: 'this machine does not speak that kind of address' },
  EINVAL: NO_ADDRESS,
  ENOTFOUND: { ...NO_ADDRESS, why: 'that name has no address' },
  EAI_AGAIN: { ...NO_ADDRESS, why: 'that name could not be looked up' },
};

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Listens, and says why where that is not possible.
 *
 * @returns the URL
 * @throws {RobleError} `ROBLE_PORT_IN_USE`, `ROBLE_LISTEN_REFUSED`
 */
export async function listen(
  app: { listen(address: Address): Promise<string> },
  { host, port }: Address,
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code: reason = '' } = cause as NodeJS.ErrnoException;
    const refusal = REFUSALS[reason];
    if (!refusal) throw cause;
    const { code, why, expected, nextStep } = refusal;
    const received = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    throw new RobleError(code, `The server cannot listen on ${received}: ${why} (${reason}).`, {
      received,
      expected,
      nextSteps: [nextStep],
      cause,
    });
  }
}

/** Listens for a moment, to find out whether that is possible; see {@link listen}. */
export async function tryListening(address: Address): Promise<void> {
  const server = createServer();
  const listening = () =>
    new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => resolve(address.host));
    });
  await listen({ listen: listening }, address);
  await new Promise((resolve) => server.close(resolve));
}
