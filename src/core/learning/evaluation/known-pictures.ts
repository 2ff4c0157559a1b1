import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { type Dataset, splitOf } from '../../data/dataset/open.js';
import { streamSplit } from '../../data/dataset/stream.js';
import type { Classifier } from './classifier.js';

/** Digits of a SHA-256 that are kept: 64 bits distinguish a million pictures from a million others. */
const KEPT = 16;

/** Pictures that a model was trained on, by their pixels. */
export class KnownPictures {
  readonly fingerprint: string;
  readonly #hashes: ReadonlySet<string>;

  private constructor(fingerprint: string, hashes: ReadonlySet<string>) {
    this.fingerprint = fingerprint;
    this.#hashes = hashes;
  }

  /** Those of the split `train`, and those that its augmented copies were made of. */
  static async read(dataset: Dataset): Promise<KnownPictures> {
    splitOf(dataset, 'train');
    const hashes = new Set<string>();
    for await (const { pixels, provenance } of streamSplit(dataset, 'train'))
      for (const hash of [sha256(pixels), provenance.copy?.of, provenance.copy?.partner])
        if (hash !== undefined) hashes.add(hash.slice(0, KEPT));
    return new KnownPictures(dataset.manifest.fingerprint, hashes);
  }

  /** @param pixels uint8, [height, width, channels] */
  has(pixels: Uint8Array): boolean {
    return this.#hashes.has(sha256(pixels).slice(0, KEPT));
  }
}

/**
 * Checks that a data set is what one of the models was trained on.
 *
 * @throws {RobleError} `ROBLE_DATASETS_DIFFER`
 */
export function checkTrainingData({ folder, manifest }: Dataset, models: readonly Classifier[]): void {
  if (models.some(({ dataFingerprint }) => dataFingerprint === manifest.fingerprint)) return;
  throw new RobleError('ROBLE_DATASETS_DIFFER', `No model was trained on ${folder}.`, {
    received: `the fingerprint ${manifest.fingerprint}`,
    expected: models
      .map(({ place, dataFingerprint }) => `${place}: ${dataFingerprint ?? 'not known'}`)
      .join(', '),
    nextSteps: ['Name the data set that was given to "roble train".'],
  });
}
