import { describe, expect, it } from 'vitest';
import { type SubjectSample, subjectOf } from '../../../../test/support/subject.js';
import { Random } from '../../base/random.js';
import { drawSegment } from '../../image/strokes/rasterize.js';
import { findConfounds } from './confounds.js';
import { measureSubject } from './picture-statistics.js';

const CLASSES = [...'abcdefgh'];
const FRAME = { width: 12, height: 12 };

/** A line of a hand: as a program draws it, or on paper that is not quite black. */
function draw(random: Random, paper: number): Uint8Array {
  const at = () => random.uniform(2, 10);
  const pixels = new Uint8Array(FRAME.width * FRAME.height);
  const points = Array.from({ length: 3 }, () => [at(), at()] as const);
  const canvas = { ...FRAME, lineWidth: random.uniform(1.2, 2) };
  for (const [i, [x, y]] of points.slice(1).entries()) drawSegment(pixels, canvas, ...points[i]!, x, y);
  return pixels.map((value) => Math.max(value, paper));
}

/**
 * @param shares of each class, the part that comes from `photos`
 * @param paper the ground of the photos
 */
function samplesOf(shares: readonly number[], paper: number, perClass = 60): SubjectSample[] {
  const random = new Random(1, 'balance');
  return shares.flatMap((share, label) =>
    Array.from({ length: perClass }, (_, i) => {
      const origin = i < share * perClass ? 'photos' : 'drawings';
      return { label, origin, pixels: draw(random, origin === 'photos' ? paper : 0) };
    }),
  );
}

function confoundsIn(train: readonly SubjectSample[]) {
  const subject = subjectOf(CLASSES, FRAME, { train });
  return findConfounds(subject, measureSubject(subject));
}

const LETTERS_AND_SIGNS = [1, 1, 1, 1, 1, 0, 0, 0];

describe('the source of a sample', () => {
  it('misleads where some classes are photographs and the others are drawn', () => {
    const [association, looks] = confoundsIn(samplesOf(LETTERS_AND_SIGNS, 30));
    expect(association).toMatchObject({ check: 'confounds', severity: 'error' });
    expect(association!.message).toContain('5 of 8 classes come almost wholly from "photos" (a, b, c, d, e)');
    expect(association!.message).toContain('3 of 8 classes come almost wholly from "drawings" (f, g, h)');
    expect(looks).toMatchObject({ severity: 'warning' });
    expect(looks!.message).toContain('ground level alone (30 and 0)');
  });

  it('does not mislead where every class is mixed alike, though the sources look different', () => {
    const findings = confoundsIn(samplesOf(new Array(8).fill(0.7), 30));
    expect(findings.map(({ severity }) => severity)).toEqual(['info']);
    expect(findings[0]!.message).toContain('in 100 % of pairs of the same class');
  });

  it('is not said to look different where it does not', () => {
    expect(confoundsIn(samplesOf(new Array(8).fill(0.5), 0))).toEqual([]);
  });

  it('is worth a warning where one source lacks classes, and names the most uneven class otherwise', () => {
    const [lacking] = confoundsIn(samplesOf([1, 1, 1, 1, 0.6, 0.6, 0.6, 0.6], 0));
    expect(lacking!.severity).toBe('warning');
    expect(lacking!.message).toContain('4 of 8 classes come almost wholly from "photos"');
    const [uneven] = confoundsIn(samplesOf([0.8, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4], 0));
    expect(uneven!.message).toContain('80 % of "a" are from "photos", which has 45 % of all samples');
  });

  it('is not blamed for what chance does to a few samples', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed, 'balance');
      const samples = samplesOf(new Array(8).fill(0), 0, 6);
      const drawn = samples.map((sample) => ({ ...sample, origin: random.float() < 0.5 ? 'one' : 'two' }));
      expect(confoundsIn(drawn)).toEqual([]);
    }
  });
});

describe('without origins', () => {
  const named = (name: (sample: SubjectSample, i: number) => string) =>
    samplesOf(LETTERS_AND_SIGNS, 0).map(({ origin: _, ...sample }, i) => ({
      ...sample,
      source: name(sample, i),
    }));

  it('file names tell the source', () => {
    const train = named(({ label }, i) => `all/${label < 5 ? 'scan' : 'mouse'}_${i}.png`);
    expect(confoundsIn(train)[0]!.message).toContain('almost wholly from "scan" (a, b, c, d, e)');
  });

  it('names that are names of classes, or of single files, are no sources', () => {
    expect(confoundsIn(named(({ label }, i) => `${CLASSES[label]}_${i}.png`))).toEqual([]);
    expect(confoundsIn(named((_, i) => `${String.fromCodePoint(0x4e00 + i)}.png`))).toEqual([]);
    expect(confoundsIn(named((_, i) => `train-images.gz#${i}`))).toEqual([]);
  });
});
