import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

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

export async function startRelay(targetPort: number): Promise<Relay> {
  let held: (() => void)[] | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      const pass = () => void (client.destroyed || client.write(chunk));
      if (held) held.push(pass);
      else if (relay.delayMs > 0) setTimeout(pass, relay.delayMs);
      else pass();
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    holdUp() {
      held ??= [];
    },
    letGo() {
      for (const pass of held ?? []) pass();
      held = undefined;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return relay;
}
