import type { DatasetManifest, SampleProvenance, SplitName } from '../../src/core/data/dataset/format.js';
import { SPLITS } from '../../src/core/data/dataset/format.js';
import { openDataset } from '../../src/core/data/dataset/open.js';
import { synthesizeDataset } from '../../src/core/data/dataset/synthesize.js';
import { openSubject, type Subject } from '../../src/core/data/validate/subject.js';
import { type Preprocessing, preprocessingSchema } from '../../src/core/image/settings.js';
import { packed } from './pictures.js';
import { temporaryFolder } from './temporary-folder.js';

export interface SubjectSample extends Partial<SampleProvenance> {
  readonly label: number;
  /** uint8, [height, width, channels] */
  readonly pixels: Uint8Array;
}

/** A data set in memory from samples. */
export function subjectOf(
  classes: readonly string[],
  image: Partial<Preprocessing>,
  samples: Partial<Record<SplitName, readonly SubjectSample[]>>,
): Subject {
  const present = SPLITS.filter((split) => samples[split]);
  const splits = present.map((split) => {
    const list = samples[split]!;
    const size = list[0]!.pixels.length;
    const images = new Uint8Array(list.length * size);
    const labels = new Uint16Array(new SharedArrayBuffer(2 * list.length));
    const provenance = list.map(({ label, pixels, source = `a/${split}.png`, ...rest }, i) => {
      images.set(pixels, i * size);
      labels[i] = label;
      return { source, ...rest };
    });
    return { split, count: list.length, pictures: packed(images, size), labels, provenance };
  });
  const counts = splits.map(({ split, count, labels }) => {
    const perClass = classes.map((_, label) => labels.filter((value) => value === label).length);
    return [split, { count, perClass, parts: [] }];
  });
  const manifest = {
    format: 'roble-dataset',
    version: 1,
    name: 'test',
    classes: [...classes],
    preprocessing: preprocessingSchema.parse(image),
    splits: Object.fromEntries(counts),
    recipe: {},
    fingerprint: '0'.repeat(64),
  } satisfies DatasetManifest;
  return { manifest, splits };
}

/** A data set in memory of characters that `data:synth` draws. */
export async function drawnSubject(
  characters: readonly string[],
  perClass: number,
  image: Partial<Preprocessing> = {},
  seed = 0,
): Promise<Subject> {
  const { path, remove } = await temporaryFolder('subject');
  const preprocessing = preprocessingSchema.parse(image);
  try {
    await synthesizeDataset({ characters, perClass, seed, out: `${path}/drawn`, preprocessing });
    return await openSubject(await openDataset(`${path}/drawn`));
  } finally {
    await remove();
  }
}
