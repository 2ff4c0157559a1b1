const LEVELS = '▁▂▃▄▅▆▇█';

/** The last values as a row of bars, `width` characters at most; from the smallest value shown to the largest. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.filter(Number.isFinite).slice(-Math.max(0, width));
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown
    .map((value) => LEVELS[span === 0 ? 0 : Math.round(((value - low) / span) * (LEVELS.length - 1))])
    .join('');
}

/** A bar of `width` characters that is filled from the left. */
export function progressBar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
