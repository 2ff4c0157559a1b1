import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { listen } from '../src/core/serving/transport/listen.js';

it('says of a port that is not for this user that it is not, and nothing of others that would use it', async () => {
  const app = Fastify();
  const isRoot = process.geteuid!() === 0;
  // The rights of root are taken back for the moment of the call.
  if (isRoot) process.seteuid!(65_534);
  const error = await listen(app, { host: '127.0.0.1', port: 1 }).catch((thrown) => thrown);
  if (isRoot) process.seteuid!(0);
  await app.close();
  expect(error).toMatchObject({
    code: 'ROBLE_LISTEN_REFUSED',
    message: 'The server cannot listen on 127.0.0.1:1: this user may not (EACCES).',
    details: { nextSteps: [expect.stringContaining('--port')] },
  });
});
