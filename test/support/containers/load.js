/**
 * Sends requests for predictions at a fixed rate, a dot for each, until its input ends; then it writes what it measured.
 *
 *   node load.js URL RATE CONNECTIONS KEY
 */
import { loadRequests, probeTarget } from '../../../dist/core/operations/load-test/requests.js';
import { runLoad } from '../../../dist/core/operations/load-test/run-load.js';

const [url, rate, connections, key] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };
const target = await probeTarget(url, headers);
const { requestOf } = await loadRequests({ seed: Date.now() % 2 ** 32, batch: 1 }, target);
const end = new AbortController();
process.stdin.once('end', () => end.abort()).resume();
const measurement = await runLoad({
  origin: target.origin,
  headers,
  load: { loop: 'open', ratePerSecond: Number(rate), arrivals: 'even' },
  durationSeconds: 3600,
  warmUpSeconds: 0,
  connections: Number(connections),
  timeoutMs: 30_000,
  batch: 1,
  requestOf(index) {
    process.stdout.write('.');
    return requestOf(index);
  },
  signal: end.signal,
});
process.stdout.write(JSON.stringify(measurement));
