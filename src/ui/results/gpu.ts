import { formatBytes, formatCount } from '../../core/base/text/text.js';
import type { Utilization } from '../../core/operations/gpu/nvidia-smi.js';
import type { SetUpResult } from '../../core/operations/gpu/set-up.js';
import { progressBar, sparkline } from '../terminal/charts.js';
import { numeric, tableLines } from '../terminal/format.js';
import { openFrames } from '../terminal/frames.js';
import { checkLines } from './checks.js';

/** What `gpu:setup` found, for people; the verdict last. */
export function gpuLines({
  machine,
  findings,
  devices,
  missing,
  best,
  asked,
  kept,
  written = [],
}: SetUpResult & { readonly written?: readonly string[] }): string[] {
  const rate = (value: number | undefined) => (value === undefined ? '' : formatCount(Math.round(value)));
  return [
    `${machine.processor}, ${machine.threads} threads, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB; Node ${machine.node.slice(1)}; ${machine.where}`,
    '',
    ...checkLines(findings),
    '',
    ...tableLines(
      [
        { title: 'Engine' },
        { title: 'Device' },
        numeric('Training images/s'),
        numeric('Inference images/s'),
        numeric('Difference'),
        { title: 'What it is' },
      ],
      devices.map((one) => [
        one.engine,
        one.device,
        rate(one.trainImagesPerSecond),
        rate(one.inferImagesPerSecond),
        one.difference?.toExponential(1) ?? '',
        one.usable
          ? `${one.description}${one.software ? ' (software: never chosen by itself)' : ''}${one.trainImagesPerSecond === undefined ? ' (too slow to be timed)' : ''}`
          : `not usable: ${one.reason}`,
      ]),
    ),
    '(cnn-v2, pictures of 28x28, batches of 64; the difference is that of losses and probabilities from the CPU of onnx)',
    ...missing.map(({ engine, reason }) => `The engine ${engine} is not here: ${reason}`),
    '',
    best
      ? `Verdict: take the device ${best.device} of the engine ${best.engine}.${kept ? ' "--device auto" does.' : ' The cache folder cannot be written, so that "--device auto" takes the CPU.'}`
      : 'Verdict: no device can be used.',
    asked.usable
      ? `The configuration asks for ${asked.device} of ${asked.engine}: it can be used.`
      : `The configuration asks for ${asked.device} of ${asked.engine}, which cannot be used: ${asked.reason}.`,
    ...written.map((file) => `Wrote ${file}.`),
  ];
}

const INTERVAL_MS = 1000;
/** Samples that are kept for the curves: a minute. */
const HISTORY = 60;
const BAR_WIDTH = 20;

/** Shows how busy processors are, once a second, until the signal: redrawn on a terminal, else a block of lines each time. */
export async function showUtilization(
  sample: (durationMs: number, signal: AbortSignal) => Promise<Utilization[]>,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const histories = new Map<string, number[]>();
  const frames = stream.isTTY ? openFrames(stream) : undefined;
  try {
    while (!signal.aborted) {
      const processors = await sample(INTERVAL_MS, signal);
      for (const { name, busy } of processors)
        histories.set(name, [...(histories.get(name) ?? []), busy ?? Number.NaN].slice(-HISTORY));
      const lines = utilizationLines(processors, histories);
      if (frames) frames.draw(lines);
      else stream.write(`${lines.join('\n')}\n`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    frames?.close();
  }
}

/** Two lines for each processor: what it does now, and what it did in the last minute. */
export function utilizationLines(
  processors: readonly Utilization[],
  histories: ReadonlyMap<string, readonly number[]>,
): string[] {
  return processors.flatMap((one) => {
    const { name, busy, memoryUsedBytes: used, memoryTotalBytes: total, celsius, watts } = one;
    const parts = [
      busy !== undefined && `${progressBar(busy, BAR_WIDTH)} ${Math.round(busy * 100)} %`,
      used !== undefined && `${formatBytes(used)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`,
      celsius !== undefined && `${celsius} °C`,
      watts !== undefined && `${Math.round(watts)} W`,
    ];
    return [`${name}: ${parts.filter(Boolean).join(' · ')}`, sparkline(histories.get(name) ?? [], HISTORY)];
  });
}
