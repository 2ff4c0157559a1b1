import { createServer } from 'node:net';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { listen } from './listen.js';

const refusal = async (host: string, port: number) => {
  const app = Fastify();
  try {
    return await listen(app, { host, port }).then(
      (url) => expect.fail(`listens at ${url}`),
      (error) => error,
    );
  } finally {
    await app.close();
  }
};

it('says of a port that is taken that it is', async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) =>
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
  );
  const error = await refusal('127.0.0.1', port);
  other.close();
  expect(error).toMatchObject({ code: 'ROBLE_PORT_IN_USE', details: { received: `127.0.0.1:${port}` } });
  expect(error.message).toContain('something else listens there');
});

it('says of an address that is none of this machine that it is not', async () => {
  // Reserved for documentation (RFC 5737), and for names that do not exist (RFC 6761).
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    const error = await refusal(host, 0);
    expect(error.code).toBe('ROBLE_LISTEN_REFUSED');
    expect(error.message).toMatch(/no such address|no address|looked up/);
    expect(error.details.nextSteps.join()).toContain('--host');
  }
});
