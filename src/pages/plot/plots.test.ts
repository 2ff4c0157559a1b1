import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { epochsOf, evaluationOf } from '../../../test/support/history.js';
import { epochOfStep } from '../../core/learning/history/recorded-run.js';
import { calibrationPlot } from './calibration-plot.js';
import { classesPlot, confusionPlot } from './class-plots.js';
import { type LinePlot, linePlot } from './line-plot.js';
import { standaloneSvg } from './panel.js';

const plotOf = (more: Partial<LinePlot>) =>
  linePlot({ title: 'Loss', xTitle: 'epoch', series: [], ...more })!;
/** The points of the first path of a series, as drawn. */
const pathsOf = (drawing: string) =>
  [...drawing.matchAll(/class="line stroke-\d[^"]*" d="(M[^"]*L[^"]*)"/g)].map((match) => match[1]!);
const numbersOf = (path: string) =>
  path
    .split(/[ML]/)
    .filter(Boolean)
    .map((point) => point.split(' ').map(Number));

describe('a line plot', () => {
  it('keeps the order of the values within its area', () => {
    const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(values, (ys) => {
        const points = ys.map((y, i) => [i + 1, y] as const);
        const { drawing, width, height } = plotOf({ series: [{ name: 'loss', points }] });
        const drawn = numbersOf(pathsOf(drawing)[0]!);
        expect(drawn).toHaveLength(ys.length);
        for (const [i, [x, y]] of drawn.entries()) {
          expect(x! >= 0 && x! <= width && y! >= 0 && y! <= height).toBe(true);
          if (i > 0 && ys[i]! > ys[i - 1]!) expect(y).toBeLessThanOrEqual(drawn[i - 1]![1]!);
        }
      }),
    );
  });

  it('breaks its line where a value is missing, and is nothing without any', () => {
    const points = [1, 2, Number.NaN, 4, 5].map((y, i) => [i, y] as const);
    const { drawing } = plotOf({ series: [{ name: 'loss', points }] });
    expect(pathsOf(drawing)[0]!.match(/M/g)).toHaveLength(2);
    expect(plotOf({ series: [{ name: 'loss', points: [[1, Number.NaN]] }] })).toBeUndefined();
  });

  it('shows shares in percent and never beyond 0 and 100', () => {
    const { drawing } = plotOf({
      isShare: true,
      series: [
        {
          name: 'accuracy',
          points: [
            [1, 0],
            [2, 1],
          ],
        },
      ],
    });
    expect(drawing).toContain('>100 %<');
    expect(drawing).not.toMatch(/>-|>1[12]0 %/);
  });

  it('joins the labels of marks that would touch', () => {
    const marks = [3, 3.01, 8].map((x, i) => ({ x, label: 'abc'[i]!, meaning: '' }));
    const { drawing } = plotOf({
      marks,
      series: [
        {
          name: 'loss',
          points: [
            [1, 1],
            [10, 2],
          ],
        },
      ],
    });
    expect([...drawing.matchAll(/>([a-c, ]+)<\/text>/g)].map((match) => match[1])).toEqual(['a, b', 'c']);
  });
});

describe('the plots of an evaluation', () => {
  const confusion = (classes: number) =>
    Array.from({ length: classes }, (_, i) =>
      Array.from({ length: classes }, (_, j) => (i === j ? 9 : (i + j) % 7 === 0 ? 1 : 0)),
    );

  it('have a cell for each count that is not 0', () => {
    const { drawing, title } = confusionPlot(evaluationOf(confusion(10)));
    expect(title).toBe('Confusion');
    expect(drawing.match(/<rect class="(right|wrong)"/g)).toHaveLength(
      confusion(10).flat().filter(Boolean).length,
    );
  });

  it('show the classes with the most mistakes where there are too many', () => {
    const { title, drawing } = confusionPlot(evaluationOf(confusion(300)));
    expect(title).toBe('Confusion, the 100 of 300 classes with the most mistakes');
    expect(drawing.match(/<rect class="right"/g)).toHaveLength(100);
    expect(classesPlot(evaluationOf(confusion(300)))!.title).toBe('Recall of the 15 weakest classes');
  });

  it('are pictures that can be rendered, whatever the classes are called', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 3, maxLength: 3 }),
        async (names) => {
          const report = evaluationOf(confusion(3), names);
          const svg = standaloneSvg(names[0]!, [
            confusionPlot(report),
            calibrationPlot(report),
            classesPlot(report)!,
          ]);
          const { format, width, height } = await sharp(Buffer.from(svg)).metadata();
          expect([format, Number.isFinite(width), Number.isFinite(height)]).toEqual(['svg', true, true]);
          await sharp(Buffer.from(svg)).png().toBuffer();
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe('the place of a step among the epochs', () => {
  it('is the epoch where it ends, and between two of them in proportion', () => {
    const epochs = epochsOf(3);
    expect([0, 50, 100, 250, 300, 350, 900].map((step) => epochOfStep(epochs, step))).toEqual([
      0, 0.5, 1, 2.5, 3, 3.5, 4,
    ]);
    expect(epochOfStep([], 70)).toBe(0);
  });
});
