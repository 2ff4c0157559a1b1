import { beforeAll, describe, expect, it } from 'vitest';
import { packed, pixelsOf } from '../../../../test/support/pictures.js';
import { drawnSubject } from '../../../../test/support/subject.js';
import { transposePixels } from '../import-export/to-pixels.js';
import { findOrientation } from './orientation.js';
import type { Subject } from './subject.js';

const SIDE = 20;
const SHAPE = { width: SIDE, height: SIDE, channels: 1 } as const;

type Turn = (pixels: Uint8Array) => Uint8Array;
const transpose: Turn = (pixels) => transposePixels(pixels, SHAPE).pixels;
const rotate: Turn = (pixels) => pixels.toReversed();
/** Rows back to front. */
const mirror: Turn = (pixels) => pixels.map((_, i) => pixels[i - (i % SIDE) + SIDE - 1 - (i % SIDE)]!);

/** The pictures that `which` chooses, turned. */
function turned(subject: Subject, turn: Turn, which: (index: number) => boolean = () => true): Subject {
  const size = SIDE * SIDE;
  const splits = subject.splits.map((split) => {
    const images = pixelsOf(split);
    for (let i = 0; i < split.count; i++)
      if (which(i)) images.set(turn(images.slice(i * size, (i + 1) * size)), i * size);
    return { ...split, pictures: packed(images, size) };
  });
  return { ...subject, splits };
}

const withManifest = (subject: Subject, change: Partial<Subject['manifest']>): Subject => ({
  ...subject,
  manifest: { ...subject.manifest, ...change },
});

describe('the orientation of characters', () => {
  let letters: Subject;
  let digits: Subject;
  beforeAll(async () => {
    letters = await drawnSubject([...'ABCDEFGHJKLMNPQRSTabdefghjkmnpqrty'], 20, {
      width: SIDE,
      height: SIDE,
    });
    digits = await drawnSubject([...'0123456789'], 20, { width: SIDE, height: SIDE });
  });

  it('is right as drawn', async () => {
    expect(await findOrientation(letters)).toEqual([]);
    expect(await findOrientation(digits)).toEqual([]);
  });

  it('is found when it is another, of letters and of digits', async () => {
    for (const [turn, name] of [
      [transpose, 'transposed'],
      [rotate, 'turned by 180 degrees'],
      [mirror, 'mirrored'],
    ] as const)
      for (const subject of [letters, digits]) {
        const findings = await findOrientation(turned(subject, turn));
        expect(findings).toMatchObject([{ check: 'orientation', severity: 'error' }]);
        expect(findings[0]!.message).toContain(`likely ${name}:`);
      }
  });

  it('names the option of the import that mends it, or that did it', async () => {
    const transposed = turned(letters, transpose);
    expect((await findOrientation(transposed))[0]!.suggestion).toContain('"roble data:import --transpose"');
    const asked = withManifest(transposed, { recipe: { transpose: true } });
    expect((await findOrientation(asked))[0]!.suggestion).toContain('without --transpose');
  });

  it('is found of dark ink on light paper, and of the one source of two that is transposed', async () => {
    const dark: Turn = (pixels) => transpose(pixels).map((value) => 255 - value);
    expect(await findOrientation(turned(letters, dark))).toHaveLength(1);
    const half = turned(letters, transpose, (i) => i % 2 === 1);
    const splits = half.splits.map((split) => ({
      ...split,
      provenance: split.provenance.map((sample, i) => ({ ...sample, origin: i % 2 ? 'emnist' : 'own' })),
    }));
    const findings = await findOrientation({ ...half, splits });
    expect(findings).toHaveLength(1);
    expect(findings[0]!.message).toContain('Pictures of "emnist" are likely transposed');
  });

  it('is not judged of classes that are no characters, or of wrong ones', async () => {
    const words = withManifest(turned(letters, transpose), {
      classes: letters.manifest.classes.map((c) => c + c),
    });
    expect(await findOrientation(words)).toEqual([]);
    const classes = [...letters.manifest.classes.slice(7), ...letters.manifest.classes.slice(0, 7)];
    expect(await findOrientation(withManifest(letters, { classes }))).toEqual([]);
  });
});
