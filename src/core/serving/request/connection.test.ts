import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { closeInStages } from './connection.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const UNBOUNDED = { maxBytes: Number.POSITIVE_INFINITY, maxMs: 60_000, idleMs: 60_000 };

/** A client, and a server that answers its first byte and then closes within the bounds. */
async function answered(bounds: typeof UNBOUNDED): Promise<{ client: Socket; connection: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  client.write('?');
  const [connection] = (await once(server, 'connection')) as [Socket];
  open.push(server, { close: () => client.destroy() }, { close: () => connection.destroy() });
  await once(connection, 'data');
  connection.write('!');
  closeInStages(connection, bounds);
  return { client, connection };
}

it('sends the end of the answer at once, and reads on until the client ends', async () => {
  const { client, connection } = await answered(UNBOUNDED);
  let answer = '';
  client.on('data', (data) => {
    answer += data;
  });
  await once(client, 'end');
  expect(answer).toBe('!');
  await new Promise<void>((resolve) => client.write(Buffer.alloc(5_000_000), () => resolve()));
  expect(connection.destroyed).toBe(false);
  client.end();
  await once(connection, 'close');
  expect(connection.bytesRead).toBe(5_000_001);
});

it.each([
  ['more than its bytes', { ...UNBOUNDED, maxBytes: 100_000 }],
  ['longer than its time, however fast', { ...UNBOUNDED, maxMs: 200 }],
])('cuts off who sends %s', async (_, bounds) => {
  const { client, connection } = await answered(bounds);
  const gone = once(connection, 'close');
  client.resume();
  const flood = setInterval(() => client.write(Buffer.alloc(10_000)), 1);
  await gone;
  clearInterval(flood);
  expect(connection.bytesRead).toBeGreaterThan(0);
});

it('cuts off who neither sends nor closes', async () => {
  const { connection } = await answered({ ...UNBOUNDED, idleMs: 50 });
  await once(connection, 'close');
});
