import { randomInt } from 'node:crypto';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT, RobleError } from '../../core/base/errors.js';
import { ARRIVALS } from '../../core/operations/load-test/arrivals.js';
import type { Load } from '../../core/operations/load-test/run-load.js';
import { boundFlags, parseBounds } from '../../flags/bounds.js';
import { parseHeaders } from '../../flags/monitoring.js';
import { givenFlags, numberFlag } from '../../flags/values.js';
import type { LoadTestResult } from '../../library.js';
import { loadTestLines } from '../../ui/results/load-test.js';
import { terminalOptions } from '../../ui/terminal/style.js';

/** Seconds of a measurement, and of one of several. */
const DURATION_SECONDS = 10;
const STEP_SECONDS = 5;
const RATE = 1000;
const FIRST_RATE = 100;
const CONCURRENCY = 32;

export default class ServeBench extends RobleCommand<LoadTestResult> {
  static override summary = 'Load-test a running server, and measure its latencies.';
  static override description =
    'Requests are sent when they are due, no matter how the server responds (an open loop), and latencies count from then. The exit code is 4 when a bound is missed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:8080 --rate 500 --duration 30',
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:8080 --find-knee --max-p99 50 --html load.html',
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:8080 --closed --concurrency 32',
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:8080 --fail-over p99Ms=20 --fail-under acceptedShare=1',
  ];

  static override args = {
    url: Args.string({ required: true, description: 'Address of the server.', ignoreStdin: true }),
  };

  static override flags = {
    rate: numberFlag({
      helpValue: 'REQUESTS/S',
      exclusive: ['closed'],
      description: `Requests that come each second (${RATE}; with --find-knee the first rate, ${FIRST_RATE}).`,
    }),
    duration: numberFlag({
      helpValue: 'SECONDS',
      description: `How long (${DURATION_SECONDS}; with --find-knee each rate, ${STEP_SECONDS}).`,
    }),
    'warm-up': numberFlag({
      helpValue: 'SECONDS',
      default: 1,
      description: 'The same load beforehand, which is not counted.',
    }),
    arrivals: Flags.option({
      options: ARRIVALS,
      exclusive: ['closed'],
      description: 'Requests with equal gaps (even), or at random as those of many users.',
    })(),
    closed: Flags.boolean({ description: 'Clients that wait for their answers: measures throughput only.' }),
    concurrency: Flags.integer({
      min: 1,
      dependsOn: ['closed'],
      description: `Clients of a closed loop (${CONCURRENCY}).`,
    }),
    connections: Flags.integer({ min: 1, default: 256, description: 'Most connections at once.' }),
    timeout: numberFlag({
      helpValue: 'SECONDS',
      default: 30,
      description: 'A request that is not answered by then has failed.',
    }),
    image: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FILE',
      description:
        'Pictures to send, in turn: files, folders or globs. By default random ones, all different: small grey and RGB PNGs, canvases and photographs.',
    }),
    seed: Flags.integer({
      min: 0,
      exclusive: ['image'],
      description:
        'Seed of the random pictures, to send the same ones again; by default different ones each time.',
    }),
    repeat: Flags.integer({
      min: 1,
      exclusive: ['image'],
      description:
        'Send only this many different random pictures, over and over, so that the cache gets to know them.',
    }),
    batch: Flags.integer({ min: 1, default: 1, description: 'Pictures in one request.' }),
    header: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME:VALUE',
      description: 'Header of every request.',
    }),
    'find-knee': Flags.boolean({
      exclusive: ['closed'],
      description:
        'Raise the rate until the server cannot keep up, and report the highest rate that it held.',
    }),
    'max-p99': numberFlag({
      helpValue: 'MILLISECONDS',
      default: 50,
      description: 'With --find-knee: a rate is not held when its p99 is above this.',
    }),
    ...boundFlags(
      'Bound that must be reached: requestsPerSecond, imagesPerSecond, acceptedShare.',
      'Bound that must not be exceeded: p50Ms, p90Ms, p99Ms, p999Ms, maxMs, lagP99Ms.',
    ),
    html: Flags.string({ helpValue: 'FILE', description: 'Write a report as one page.' }),
    svg: Flags.string({ helpValue: 'FILE', description: 'Write the plots as SVG.' }),
    force: Flags.boolean({ description: 'Replace files that exist.' }),
  };

  protected async execute(context: Context): Promise<LoadTestResult> {
    const { args, flags } = await this.parse(ServeBench);
    const findsKnee = flags['find-knee'];
    const load: Load = flags.closed
      ? { loop: 'closed', concurrency: flags.concurrency ?? CONCURRENCY }
      : {
          loop: 'open',
          ratePerSecond: above0('--rate', flags.rate ?? (findsKnee ? FIRST_RATE : RATE)),
          arrivals: flags.arrivals ?? 'even',
        };
    const { loadTest } = await import('../../library.js');
    const result = await loadTest(
      {
        url: args.url,
        load,
        durationSeconds: above0(
          '--duration',
          flags.duration ?? (findsKnee ? STEP_SECONDS : DURATION_SECONDS),
        ),
        warmUpSeconds: Math.max(0, flags['warm-up']),
        connections: flags.connections,
        timeoutMs: above0('--timeout', flags.timeout) * 1000,
        headers: parseHeaders(flags.header ?? []),
        images: flags.image,
        seed: flags.seed ?? randomInt(2 ** 32),
        repeat: flags.repeat,
        batch: flags.batch,
        knee: findsKnee ? { p99Ms: above0('--max-p99', flags['max-p99']), badShare: 0.01 } : undefined,
        bounds: parseBounds(flags),
        files: givenFlags(flags, ['html', 'svg']),
        force: flags.force,
      },
      context,
    );
    if (!result.measurement.keptRate)
      this.warn(
        'The load generator could not keep the rate (see its own lag), so the figures say little about the server. Use a machine with more processors, or a separate one.',
      );
    if (result.bounds.some(({ met }) => !met)) this.exitCode = EXIT.data;
    return result;
  }

  protected render(result: LoadTestResult): void {
    for (const line of loadTestLines(result, terminalOptions(process.stdout, process.env))) this.log(line);
  }
}

function above0(flag: string, value: number): number {
  if (value > 0) return value;
  throw new RobleError('ROBLE_USAGE', `${flag} must be above 0.`, {
    received: value,
    expected: 'a number above 0',
  });
}
