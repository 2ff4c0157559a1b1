import { csvField } from '../../core/base/text.js';
import type { RunAnalysis } from '../../core/learning/analysis/analyze-run.js';
import { metricNames, metricOf } from '../../core/learning/history/recorded-run.js';

/** The epochs of all runs as a table, a line for each; what an epoch does not have is empty. Quoted as RFC 4180 says. */
export function epochsCsv(runs: readonly RunAnalysis[]): string {
  const names = metricNames(runs.flatMap(({ epochs }) => epochs));
  const rows = runs.flatMap(({ name, epochs, best }) =>
    epochs.map((epoch) => [
      name,
      String(epoch.epoch),
      String(epoch === best),
      ...names.map((metric) => String(metricOf(epoch, metric) ?? '')),
    ]),
  );
  const lines = [['run', 'epoch', 'best', ...names], ...rows];
  return lines.map((line) => `${line.map(csvField).join(',')}\r\n`).join('');
}
