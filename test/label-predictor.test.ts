import { describe, expect, it } from 'vitest';
import { findSuspiciousLabels, openLabelPredictor } from '../src/core/data/validate/suspicious-labels.js';
import { createRegistry } from '../src/index.js';
import { subjectOf } from './support/subject.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, TINY_CLASSES, TINY_SIDE, tinyBundle } from './support/tiny-bundle.js';

describe('the model of a bundle', () => {
  const side = { width: TINY_SIDE, height: TINY_SIDE };
  const samples = TINY_CLASSES.flatMap((_, label) =>
    Array.from({ length: 5 }, (_, i) => ({ label, pixels: Uint8Array.from(quarterPixels(label, 255 - i)) })),
  );

  it('judges labels, and refuses a data set of other classes or pictures', async () => {
    const { path, remove } = await temporaryFolder('judge');
    try {
      const bundle = await tinyBundle(`${path}/model`);
      const wrong = samples.map((sample, i) => (i === 7 ? { ...sample, label: 3 } : sample));
      const subject = subjectOf(TINY_CLASSES, side, { validation: wrong });
      const judge = await openLabelPredictor(bundle, subject, createRegistry());
      const [finding] = await findSuspiciousLabels(subject, judge);
      await judge.close();
      expect(finding!.samples).toMatchObject([{ index: 7, label: 'bottom-right', split: 'validation' }]);
      expect(finding!.samples[0]!.detail).toContain('looks like "top-right"');
      const others = subjectOf([...TINY_CLASSES].reverse(), { ...side, invert: true }, { train: samples });
      await expect(openLabelPredictor(bundle, others, createRegistry())).rejects.toMatchObject({
        code: 'ROBLE_DATASETS_DIFFER',
        details: {
          problems: [
            { message: expect.stringContaining('another order') },
            { message: expect.stringContaining('invert') },
          ],
        },
      });
    } finally {
      await remove();
    }
  });
});
