import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A way to a server on this machine, which can be as bad as a network. */
export interface Relay {
  readonly port: number;
  /** Answers come so much later from now on. */
  delayMs: number;
  /** Lets no answer through, and drops nothing: what was sent meanwhile was done. */
  holdUp(): void;
  /** Lets all answers through that were held up. */
  letGo(): void;
  close(): Promise<void>;
}

async function startRelay(targetPort: number): Promise<Relay> {
  let released = Promise.resolve();
  let release: (() => void) | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    client.pipe(upstream);
    // One after the other, for bytes keep their order however late they are.
    let passed = Promise.resolve();
    const pass = (work: () => void) => {
      const due = performance.now() + relay.delayMs;
      passed = passed.then(async () => {
        await released;
        const early = due - performance.now();
        if (early > 0) await sleep(early, undefined, { ref: false });
        if (!client.destroyed) work();
      });
    };
    upstream.on('data', (chunk) => pass(() => client.write(chunk)));
    upstream.on('close', () => pass(() => client.destroy()));
    client.on('close', () => upstream.destroy());
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    holdUp() {
      released = new Promise((resolve) => {
        release = resolve;
      });
    },
    letGo() {
      release?.();
      released = Promise.resolve();
    },
    async close() {
      relay.letGo();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return relay;
}

/** A relay before the server of a URL, and the URL that leads through it. */
export async function relayedUrl(url: string): Promise<{ relay: Relay; url: string }> {
  const relayed = new URL(url);
  const relay = await startRelay(Number(relayed.port));
  relayed.port = `${relay.port}`;
  return { relay, url: relayed.href };
}
