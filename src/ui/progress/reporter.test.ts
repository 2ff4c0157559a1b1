import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { TrainEvent, TrainingProgress } from '../../core/learning/training/run/events.js';
import { createPlainReporter, type OutputStream } from './line-reporters.js';
import { createReporter } from './reporter.js';

const ESCAPE = '\u001b';

interface Recorded extends PassThrough {
  isTTY?: boolean;
  columns: number;
  rows: number;
  text(): string;
}

function recorder({ isTTY = true, columns = 80, rows = 24 } = {}): Recorded {
  const chunks: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  return Object.assign(stream, { isTTY, columns, rows, text: () => chunks.join('') });
}

const TRAIN: TrainEvent[] = [
  {
    kind: 'started',
    run: 'runs/1',
    epochs: 3,
    stepsPerEpoch: 4,
    device: 'cpu',
    model: 'letters',
    parameters: 12345,
    trainCount: 256,
    validationCount: 64,
    monitor: 'valAccuracy',
    batchSize: 64,
    firstStep: 0,
    history: [],
  },
  ...[1, 2, 3].flatMap((epoch): TrainEvent[] => [
    ...[1, 2, 3, 4].map(
      (step): TrainEvent => ({
        kind: 'step',
        epoch,
        step,
        stepsPerEpoch: 4,
        metrics: {
          loss: 3 / (epoch * 4 + step),
          accuracy: 0.2 * epoch,
          learningRate: 0.001,
          imagesPerSecond: 5120,
        },
        etaMs: 65_000,
        memoryBytes: 512e6,
        microbatchSize: 64,
      }),
    ),
    { kind: 'evaluating', epoch, done: 64, total: 64, batchSize: 8 },
    {
      kind: 'epoch',
      epoch,
      metrics: { loss: 1 / epoch, accuracy: 0.2 * epoch, valLoss: 1.1 / epoch, valAccuracy: 0.25 * epoch },
      best: true,
    },
    { kind: 'checkpoint', epoch, step: 4 * epoch, file: `runs/1/checkpoints/${epoch}`, stallMs: 12.4 },
  ]),
  {
    kind: 'incident',
    event: {
      event: 'worker-ended',
      time: '2026-01-01T00:00:00Z',
      step: 1204,
      cause: 'killed',
      detail: 'signal\nSIGKILL',
    },
  },
  { kind: 'exported', bundle: 'runs/1/model' },
];

const EVENTS: TrainingProgress[] = [
  { type: 'step', id: 'read', title: 'Reading images', status: 'started' },
  { type: 'progress', id: 'read', done: 5, total: 10, unit: 'images' },
  { type: 'warning', message: 'one image was skipped', path: 'a/b.png' },
  { type: 'progress', id: 'read', done: 10, total: 10, unit: 'images' },
  { type: 'step', id: 'read', title: 'Reading images', status: 'done' },
  { type: 'step', id: 'write', title: 'Writing', status: 'started' },
  { type: 'step', id: 'write', title: 'Writing', status: 'failed' },
  ...TRAIN.map((event): TrainingProgress => ({ type: 'train', event })),
];

async function play(
  kind: Parameters<typeof createReporter>[0],
  stream: Recorded,
  env: NodeJS.ProcessEnv,
  events = EVENTS,
): Promise<string> {
  const reporter = createReporter(kind, stream as OutputStream, env);
  for (const event of events) reporter.report(event);
  await reporter.close();
  reporter.report({ type: 'warning', message: 'after the end' });
  expect(stream.text()).not.toContain('after the end');
  return stream.text();
}

describe('auto', () => {
  it.each([
    ['a pipe', { isTTY: false }, {}],
    ['CI', {}, { CI: 'true' }],
    ['a dumb terminal', {}, { TERM: 'dumb' }],
  ])('writes plain lines on %s', async (_, stream, env) => {
    const text = await play('auto', recorder(stream), env);
    expect(text.split('\n')).toContain('Reading images: done');
    expect(text).not.toMatch(new RegExp(`\r|${ESCAPE}\\[\\d*[A-HJK]`));
  });
});

describe('plain', () => {
  it('has no escape codes off a terminal, nor under NO_COLOR', async () => {
    expect(await play('plain', recorder({ isTTY: false }), {})).not.toContain(ESCAPE);
    expect(await play('plain', recorder(), { NO_COLOR: '1' })).not.toContain(ESCAPE);
    expect(await play('plain', recorder(), {})).toContain(ESCAPE);
  });

  it('tells each step, warning and epoch, and the end of a piece of work', async () => {
    const text = await play('plain', recorder({ isTTY: false }), {});
    for (const part of [
      '10/10 images (100%)',
      'Warning: a/b.png: one image was skipped',
      'Writing: failed',
      'epoch 3: loss',
      'valAccuracy 0.7500',
      'checkpoint at step 12, training waited 12 ms: runs/1/checkpoints/3',
      'step 1,204: the training process ended (killed): signal SIGKILL\n',
      'exported runs/1/model',
    ])
      expect(text).toContain(part);
  });

  it('shows progress at most every five seconds', () => {
    const stream = recorder({ isTTY: false });
    let time = 0;
    const reporter = createPlainReporter(stream as OutputStream, {}, () => time);
    for (let done = 1; done < 1000; done++, time += 20)
      reporter.report({ type: 'progress', id: 'x', done, total: 1000, unit: 'images' });
    expect(stream.text().trim().split('\n')).toHaveLength(3);
  });
});

describe('ndjson', () => {
  it('is one JSON object a line, one for each event', async () => {
    const lines = (await play('ndjson', recorder(), {})).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as TrainingProgress & { time: string });
    expect(events.map(({ time: _, ...event }) => event)).toEqual(EVENTS);
    for (const { time } of events) expect(new Date(time).toISOString()).toBe(time);
  });
});

describe('tty', () => {
  it('draws the steps, then the training', async () => {
    const text = await play('tty', recorder(), {});
    expect(text).toContain('Reading images');
    expect(text).toContain('one image was skipped');
    expect(text).toMatch(/[▁▂▃▄▅▆▇█]/);
    expect(text).toContain('valAccuracy');
  });

  const train = TRAIN.map((event): TrainingProgress => ({ type: 'train', event }));

  /** The lines of the frames that were drawn, without the codes that erase the frame before. */
  function linesOf(text: string): string[] {
    return text.split(new RegExp(`${ESCAPE}\\[\\d*[AJ]|${ESCAPE}\\[\\?\\d+[lh]|[\r\n]`)).filter(Boolean);
  }

  it.each([
    [40, 10],
    [60, 12],
    [200, 60],
    [20, 4],
  ])('fits %i x %i', async (columns, rows) => {
    const lines = linesOf(await play('tty', recorder({ columns, rows }), { NO_COLOR: '1' }, train));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.join('\n')).toContain('100%');
  });

  it('takes an unknown size for the usual one', async () => {
    const text = await play('tty', recorder({ columns: 0, rows: 0 }), {}, train);
    expect(linesOf(text).join('\n')).toContain('0.7500');
  });

  it('is drawn anew, in its new size, when the terminal is resized', async () => {
    const stream = recorder({ columns: 100, rows: 24 });
    const reporter = createReporter('tty', stream as OutputStream, { NO_COLOR: '1' });
    for (const event of train) reporter.report(event);
    await expect.poll(() => stream.text()).toContain('100%');
    const before = stream.text().length;
    Object.assign(stream, { columns: 30, rows: 8 }).emit('resize');
    await expect.poll(() => stream.text().length).toBeGreaterThan(before);
    const lines = linesOf(stream.text().slice(before));
    expect(lines.length).toBeLessThan(8);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(30);
    await reporter.close();
    expect(stream.listenerCount('resize')).toBe(0);
  });

  it('has no colours under NO_COLOR', async () => {
    expect(await play('tty', recorder(), { NO_COLOR: '1' }, train)).not.toMatch(
      new RegExp(`${ESCAPE}\\[[\\d;]*m`),
    );
  });
});
