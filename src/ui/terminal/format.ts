import { formatCount } from '../../core/base/text.js';

/** A duration as `8s`, `2m 05s` or `1h 03m`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '?';
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
}

/** `120/500 images (24%)`, or `120 images` when the end is not known. */
export function formatProgress(done: number, total: number | undefined, unit: string): string {
  if (!total) return `${formatCount(done)} ${unit}`;
  return `${formatCount(done)}/${formatCount(total)} ${unit} (${Math.floor((100 * done) / total)}%)`;
}

/** A size in memory as `512 MB` or `1.4 GB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A metric for people: counts and rates whole, the rest with four digits. */
export function formatMetric(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return formatCount(Math.round(value));
  return Math.abs(value) < 0.001 && value !== 0 ? value.toExponential(2) : value.toFixed(4);
}

/** `loss 0.4321, accuracy 0.8765`. */
export function formatMetrics(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${formatMetric(value)}`)
    .join(', ');
}

/** How many samples each split holds: `train 1,600, validation 400`. */
export function formatSplits(splits: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(splits)
    .map(([split, count]) => `${split} ${formatCount(count ?? 0)}`)
    .join(', ');
}
