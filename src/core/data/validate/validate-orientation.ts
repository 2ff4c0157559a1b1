import { type OrientationScore, scoreOrientations } from './orientation.js';
import { loadFonts } from '../../image/strokes/fonts.js';
import type { Finding } from './finding.js';
import { sourcesOf } from './sample-sources.js';
import type { Subject, SubjectSplit } from './subject.js';

/** Fewest characters that can tell an orientation. */
const FEWEST_CLASSES = 5;
/** The part of these that must fit better. */
const MOST = 2 / 3;
/** How much better they must fit on average, as a correlation. */
const CLEARLY = 0.15;
/** How well they must fit: 0.8 and more is usual, and pictures of anything else reach 0.5. */
const FITTING = 0.65;

/** Pictures that are judged together. */
interface Batch {
  /** As it stands in a sentence. */
  readonly name: string;
  readonly images: Uint8Array;
  readonly labels: Uint16Array;
}

/**
 * Pictures of characters that lie otherwise than they are read, as the files of EMNIST do. Judges the classes whose
 * names are characters that the single-stroke fonts have, in `train`, each source by itself.
 */
export async function findOrientation(subject: Subject): Promise<Finding[]> {
  const { classes, preprocessing, recipe } = subject.manifest;
  const characters = classes.map((name) => ([...name].length === 1 ? name : undefined));
  const train = subject.splits.find(({ split }) => split === 'train');
  if (!train || characters.filter(Boolean).length < FEWEST_CLASSES) return [];
  const fonts = await loadFonts();
  return batchesOf(train).flatMap(({ name, images, labels }) => {
    const scores = scoreOrientations(images, labels, preprocessing, characters, fonts);
    const best = scores.filter(isClear).sort((a, b) => b.correlation - a.correlation)[0];
    return best ? [describe(best, name, recipe.transpose === true)] : [];
  });
}

function batchesOf(train: SubjectSplit): Batch[] {
  const sources = sourcesOf(train);
  if (!sources) return [{ ...train, name: 'train' }];
  const size = train.images.length / train.count;
  return sources.names.map((name, source) => {
    const indices = [...sources.of.keys()].filter((i) => sources.of[i] === source);
    const images = new Uint8Array(indices.length * size);
    for (const [place, i] of indices.entries())
      images.set(train.images.subarray(i * size, (i + 1) * size), place * size);
    return { name: `"${name}"`, images, labels: Uint16Array.from(indices, (i) => train.labels[i]!) };
  });
}

function isClear({ classes, better, correlation, upright }: OrientationScore): boolean {
  return (
    classes >= FEWEST_CLASSES &&
    better >= MOST * classes &&
    correlation >= Math.max(FITTING, upright + CLEARLY)
  );
}

function describe(score: OrientationScore, name: string, wasTransposed: boolean): Finding {
  const { orientation, correlation, upright, classes, better } = score;
  return {
    check: 'orientation',
    severity: 'error',
    message:
      `Pictures of ${name} are likely ${orientation}: ${better} of the ${classes} characters that can tell fit drawn ` +
      `characters better so (correlation ${correlation.toFixed(2)}, upright ${upright.toFixed(2)}).`,
    suggestion: suggest(orientation, wasTransposed),
    samples: [],
  };
}

function suggest(orientation: OrientationScore['orientation'], wasTransposed: boolean): string {
  if (orientation !== 'transposed') return 'Turn the pictures upright before "roble data:import" reads them.';
  return wasTransposed
    ? 'Import them again without --transpose: the source is upright.'
    : 'Import them again with "roble data:import --transpose", as the files of EMNIST need.';
}
