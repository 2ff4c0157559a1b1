import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyRun, comparableRuns, NONSENSE } from '../../../test/support/any-run.js';
import { analyzeRun } from '../../core/learning/analysis/analyze-run.js';
import { compareRecordedRuns } from '../../core/learning/analysis/compare-runs.js';
import { standaloneSvg } from '../plot/panel.js';
import { historyPage } from './page.js';
import { comparisonPanels, runPanels } from './plots.js';
import { epochsCsv } from './reports.js';

describe('any history', () => {
  it('is analysed, plotted and reported without nonsense', async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        const analysis = analyzeRun(run);
        expect(JSON.stringify(analysis)).not.toMatch(NONSENSE);
        const panels = runPanels(run, analysis);
        expect(standaloneSvg('x', panels)).not.toMatch(NONSENSE);
        const analyzed = { recorded: [run], runs: [analysis], bounds: [] };
        expect(await historyPage(analyzed, [panels], [])).not.toMatch(NONSENSE);
        expect(epochsCsv([analysis])).not.toMatch(NONSENSE);
      }),
      { numRuns: 80 },
    );
  });

  it('is compared with others without nonsense', () => {
    fc.assert(
      fc.property(comparableRuns, (recorded) => {
        const comparison = compareRecordedRuns(recorded, undefined, {});
        expect(JSON.stringify(comparison)).not.toMatch(NONSENSE);
        expect(standaloneSvg('x', comparisonPanels(recorded.map(analyzeRun), comparison))).not.toMatch(
          NONSENSE,
        );
      }),
      { numRuns: 50 },
    );
  });
});
