import { isShare } from './metric-names.js';

/** A share of 1 as `81.2 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A difference of two shares in percentage points: `1.2 points`. */
export function points(difference: number): string {
  return `${(difference * 100).toFixed(1)} points`;
}

/** A number with four significant digits, and no more zeros than it needs: `0.0312`, `1,234`, `2.5e-7`. */
export function short(value: number): string {
  const rounded = Number(value.toPrecision(4));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return rounded.toExponential().replace('e+', 'e');
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 8 });
}

/** A value of a metric: shares in percent. */
export function metricText(name: string, value: number): string {
  return isShare(name) ? percent(value) : short(value);
}

/** A difference of two values of a metric: of shares in points. */
export function differenceText(name: string, difference: number): string {
  return isShare(name) ? points(difference) : short(difference);
}

/** Epochs as `epoch 3`, `epochs 3 and 7`, or `epochs 3, 7, 9 and 4 more`. */
export function epochsText(epochs: readonly number[]): string {
  const shown = epochs.length > 4 ? epochs.slice(0, 3).map(String) : epochs.map(String);
  if (epochs.length > 4) shown.push(`${epochs.length - 3} more`);
  if (shown.length < 2) return `epoch ${shown.join('')}`;
  return `epochs ${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
