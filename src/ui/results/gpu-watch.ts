import type { Utilization } from '../../core/operations/gpu/nvidia-smi.js';
import { progressBar, sparkline } from '../terminal/charts.js';
import { formatBytes } from '../terminal/format.js';
import { openFrames } from '../terminal/frames.js';

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
