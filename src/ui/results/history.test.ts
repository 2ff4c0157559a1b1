import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyRun, comparableRuns, NONSENSE } from '../../../test/support/any-run.js';
import { epochsOf, recordedRun } from '../../../test/support/history.js';
import { analyzeRun } from '../../core/learning/analysis/analyze-run.js';
import type { HistoryAnalysis } from '../../core/learning/analysis/analyze-runs.js';
import { compareRecordedRuns } from '../../core/learning/analysis/compare-runs.js';
import { historyLines } from './history.js';

const OPTIONS = { width: 60, color: false, paint: (_format: unknown, text: string) => text };

function textOf(analysis: Pick<HistoryAnalysis, 'runs'> & Partial<HistoryAnalysis>): string[] {
  return historyLines({ bounds: [], files: {}, ...analysis }, OPTIONS);
}

/** Words cannot be broken, but all else must fit. */
function expectToFit(lines: readonly string[]): void {
  const breakable = lines.filter((line) => line.split(' ').every((word) => word.length < 30));
  for (const line of breakable) expect(line.length).toBeLessThanOrEqual(OPTIONS.width);
}

describe('an analysis as text', () => {
  it('fits the terminal and prints no nonsense, whatever the history', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const lines = textOf({ runs: [analyzeRun(run)] });
        expect(lines.join('\n')).not.toMatch(NONSENSE);
        expectToFit(lines);
      }),
      { numRuns: 100 },
    );
  });

  it('of several runs does so too, compared or not', () => {
    fc.assert(
      fc.property(comparableRuns, fc.boolean(), (recorded, compared) => {
        const comparison = compareRecordedRuns(recorded, undefined, {});
        const lines = textOf({ runs: recorded.map(analyzeRun), ...(compared && { comparison }) });
        expect(lines.join('\n')).not.toMatch(NONSENSE);
        expectToFit(lines);
      }),
    );
  });

  it('shows a value and its bound so that they can be told apart', () => {
    const bound = {
      run: 'a',
      metric: 'valAccuracy',
      failsWhen: 'under',
      limit: 0.865,
      value: 0.8647,
      met: false,
    } as const;
    expect(textOf({ runs: [analyzeRun(recordedRun(epochsOf(1)))], bounds: [bound] }).at(-1)).toBe(
      'missed: valAccuracy is 0.8647, must be at least 0.865',
    );
  });

  it('has no chart of a single epoch', () => {
    expect(textOf({ runs: [analyzeRun(recordedRun(epochsOf(1)))] }).join('\n')).not.toContain('┤');
    expect(textOf({ runs: [analyzeRun(recordedRun(epochsOf(2)))] }).join('\n')).toContain('┤');
  });
});
