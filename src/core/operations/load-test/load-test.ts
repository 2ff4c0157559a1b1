import type { Context } from '../../base/context.js';
import { type Bound, type BoundResult, checkBounds } from '../../learning/analysis/bounds.js';
import { findKnee, type Knee, type KneeLimits } from './find-knee.js';
import type { PictureKind } from './pictures.js';
import { type LoadPictures, loadRequests, probeTarget } from './requests.js';
import { type Load, type LoadMeasurement, runLoad } from './run-load.js';

export interface LoadTestOptions extends LoadPictures {
  /** Of the server, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly load: Load;
  readonly durationSeconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly timeoutMs: number;
  /** Of every request, such as an API key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Raises the rate of the open loop until a limit is missed, instead of measuring one. */
  readonly knee?: KneeLimits | undefined;
  readonly bounds: readonly Bound[];
}

export interface LoadTestResult {
  readonly url: string;
  readonly model: string;
  /** What was sent, in turn: the kinds of the random pictures, or the number of files. */
  readonly pictures: readonly PictureKind[] | number;
  /** Of the random pictures. */
  readonly seed: number;
  /** Pictures in one request. */
  readonly batch: number;
  /** At the highest rate held, where that was looked for. */
  readonly measurement: LoadMeasurement;
  /** Answers of the server meanwhile, by where they came from; undefined where it does not say. */
  readonly answers: Readonly<Record<string, number>> | undefined;
  readonly knee?: Knee;
  readonly bounds: readonly BoundResult[];
}

/**
 * Puts a load on a server that runs, and measures what it does.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_SERVER_UNREACHABLE`, `ROBLE_FILE_NOT_FOUND`
 */
export async function loadTest(options: LoadTestOptions, context: Context = {}): Promise<LoadTestResult> {
  const { url, headers, load } = options;
  const target = await probeTarget(url, headers);
  const { requestOf, pictures } = await loadRequests(options, target);
  let sent = 0;
  const run = (load: Load) =>
    runLoad({
      ...options,
      ...target,
      load,
      // Across runs, too, no picture comes twice.
      requestOf: () => requestOf(sent++),
      signal: context.signal,
    });
  const { measurement, knee } = await measure(load, options.knee, run, context);
  context.signal?.throwIfAborted();
  const after = (await probeTarget(url, headers)).answers;
  const bounds = checkBounds(url, boundMetrics(measurement), options.bounds);
  return {
    url: target.origin,
    model: target.model,
    pictures,
    seed: options.seed,
    batch: options.batch,
    measurement,
    answers: difference(target.answers, after),
    ...(knee && { knee }),
    bounds,
  };
}

async function measure(
  load: Load,
  limits: KneeLimits | undefined,
  run: (load: Load) => Promise<LoadMeasurement>,
  { reporter, signal }: Context,
): Promise<{ measurement: LoadMeasurement; knee?: Knee }> {
  if (!limits || load.loop === 'closed') return { measurement: await run(load) };
  const knee = await findKnee(load.ratePerSecond, limits, async (ratePerSecond) => {
    signal?.throwIfAborted();
    reporter?.report({ type: 'note', message: `Trying ${ratePerSecond} requests/s` });
    return run({ ...load, ratePerSecond });
  });
  const best = knee.steps.find(({ ratePerSecond }) => ratePerSecond === knee.ratePerSecond);
  return { measurement: (best ?? knee.steps[0]!).measurement, knee };
}

/** What bounds can be put on. */
function boundMetrics({
  latencyMs,
  lagMs,
  sent,
  accepted,
  dropped,
  requestsPerSecond,
  imagesPerSecond,
}: LoadMeasurement): ReadonlyMap<string, number | null> {
  return new Map([
    ['requestsPerSecond', requestsPerSecond],
    ['imagesPerSecond', imagesPerSecond],
    ['acceptedShare', accepted / Math.max(1, sent + dropped)],
    ...(['p50', 'p90', 'p99', 'p999', 'max'] as const).map(
      (name) => [`${name}Ms`, latencyMs?.[name] ?? null] as const,
    ),
    ['lagP99Ms', lagMs?.p99 ?? null],
  ]);
}

function difference(
  before: Readonly<Record<string, number>> | undefined,
  after: Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> | undefined {
  if (!before || !after) return undefined;
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}
