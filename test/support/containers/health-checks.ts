import { setMaxListeners } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const STARTING_MS = 300;
const NANOSECONDS = 1e6;

/**
 * Runs the health checks of podman's containers, which podman leaves to timers of systemd: often while one starts, then at its
 * interval, until it is well. What Compose waits for is that; asking on would take time from the tests.
 *
 * @param socket of podman's service
 */
export async function runHealthChecks(socket: string, signal: AbortSignal): Promise<void> {
  // Each container waits for its next check.
  setMaxListeners(0, signal);
  const get = (path: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      request({ socketPath: socket, path: `/v4.0.0/libpod${path}`, signal }, resolve)
        .once('error', reject)
        .end();
    });
  const json = async (path: string) => {
    const answer = await get(path);
    let text = '';
    for await (const part of answer) text += part;
    return answer.statusCode === 200 ? JSON.parse(text) : undefined;
  };

  async function watch(id: string): Promise<void> {
    const { Config, State } = (await json(`/containers/${id}/json`)) ?? {};
    if (!Config?.Healthcheck) return;
    const { Interval, StartPeriod = 0 } = Config.Healthcheck;
    const startEnd = Date.parse(State.StartedAt) + StartPeriod / NANOSECONDS;
    for (;;) {
      // What is no more, or has ended, gives nothing.
      const result = await json(`/containers/${id}/healthcheck`);
      if (!result || result.Status === 'healthy') return;
      const pauseMs = Date.now() < startEnd ? STARTING_MS : Interval / NANOSECONDS;
      await sleep(pauseMs, undefined, { signal });
    }
  }

  try {
    const filters = encodeURIComponent(JSON.stringify({ event: ['start'], type: ['container'] }));
    const events = await get(`/events?stream=true&filters=${filters}`);
    for await (const line of createInterface({ input: events })) {
      const { Actor } = JSON.parse(line);
      watch(Actor.ID).catch(ignoreAbort);
    }
  } catch (error) {
    ignoreAbort(error);
  }

  function ignoreAbort(error: unknown): void {
    if (!signal.aborted) throw error;
  }
}
