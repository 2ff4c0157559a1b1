import { beforeAll, describe, expect, it } from 'vitest';
import { drawnSubject, type SubjectSample, subjectOf } from '../../../../test/support/subject.js';
import { Random } from '../../base/random.js';
import { pictureAt } from '../dataset/pictures.js';
import { findDrift } from './drift.js';
import { measureSubject } from './picture-statistics.js';
import type { Subject } from './subject.js';

const CLASSES = [...'abcd'];
let samples: SubjectSample[];

beforeAll(async () => {
  const { splits } = await drawnSubject(CLASSES, 400);
  samples = splits.flatMap(({ pictures, labels, count }) =>
    Array.from({ length: count }, (_, i) => ({ label: labels[i]!, pixels: pictureAt(pictures, i) })),
  );
  new Random(3, 'shuffle').shuffle(samples);
});

const driftIn = (subject: Subject) => findDrift(subject, measureSubject(subject));
const halves = (change: (sample: SubjectSample) => SubjectSample = (sample) => sample) =>
  subjectOf(CLASSES, {}, { train: samples.slice(0, 800), validation: samples.slice(800).map(change) });
const fainter = (sample: SubjectSample) => ({ ...sample, pixels: sample.pixels.map((value) => 0.7 * value) });

describe('drift', () => {
  it('is none between halves of one data set', () => {
    expect(driftIn(halves())).toEqual([]);
  });

  it('is found where validation is fainter, by that alone', () => {
    const findings = driftIn(halves(fainter));
    expect(findings).toMatchObject([{ check: 'drift', severity: 'warning' }]);
    expect(findings[0]!.message).toContain('contrast (median 255 and 178');
    expect(findings[0]!.message).not.toContain('width of the ink');
  });

  it('is judged within classes: another mix of classes is told as such, and as no more', () => {
    const rare = samples.slice(800).filter(({ label }, i) => label < 2 || i % 5 === 0);
    const findings = driftIn(subjectOf(CLASSES, {}, { train: samples.slice(0, 800), validation: rare }));
    expect(findings).toMatchObject([{ severity: 'info' }]);
    expect(findings[0]!.message).toContain('mixed differently');
  });

  it('is found between the sources of train', () => {
    const train = samples.map((sample, i) => ({
      ...(i % 2 ? fainter(sample) : sample),
      origin: `source ${i % 2}`,
    }));
    const findings = driftIn(subjectOf(CLASSES, {}, { train }));
    expect(findings[0]!.message).toContain('Pictures of "source 0" differ from those of "source 1"');
    expect(findings[0]!.suggestion).toContain('--canvas-style');
  });

  it('is not found in copies, which are meant to differ', () => {
    const copy = { of: 'a', number: 1, operations: [] };
    const copies = samples.slice(0, 800).map((sample) => ({ ...fainter(sample), copy }));
    const train = [...samples.slice(0, 800), ...copies];
    expect(driftIn(subjectOf(CLASSES, {}, { train, validation: samples.slice(800) }))).toEqual([]);
  });
});
