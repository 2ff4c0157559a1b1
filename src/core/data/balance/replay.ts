import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { sha256 } from '../../base/storage/durable.js';
import { usedPluginSchema } from '../../base/used-plugin.js';
import type { ImageView } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { type AugmentPipeline, openPipeline, sampleKeyOf } from '../augment/pipeline.js';
import { augmentersOf, augmentSchema } from '../augment/settings.js';
import type { CopyLineage, DatasetManifest, SampleProvenance } from '../dataset/format.js';
import { openDataset, readProvenance, viewOf } from '../dataset/open.js';

export interface ReplayOptions {
  /** Folder of a data set that `data:balance` made. */
  readonly folder: string;
  /** Indices of samples in train, from 0. */
  readonly samples: readonly number[];
}

/** A sample, explained. */
export interface ReplayedSample {
  readonly sample: number;
  readonly label: string;
  readonly provenance: SampleProvenance;
  /** uint8, [height, width, channels]: the original of a copy; otherwise the sample itself. */
  readonly original: Uint8Array;
  /** The copy, made again; undefined for an original. */
  readonly copy?: Uint8Array;
}

/** The part of a recipe that makes copies. */
const recipeSchema = z.looseObject({
  command: z.literal('data:balance'),
  seed: z.int(),
  background: z.int(),
  augment: augmentSchema,
  pipeline: z.unknown(),
  plugins: z.array(usedPluginSchema).optional(),
});

export interface Replay {
  readonly preprocessing: DatasetManifest['preprocessing'];
  readonly samples: ReplayedSample[];
}

/**
 * Makes copies of a data set again, from nothing but their originals and the recipe, and compares their hashes.
 *
 * @throws {RobleError} `ROBLE_REPLAY_DIFFERS`, `ROBLE_USAGE` for an index that does not exist, `ROBLE_DATASET_INVALID` for a
 *   data set that `data:balance` did not make, those of opening it
 */
export async function replaySamples(
  { folder, samples }: ReplayOptions,
  { registry }: { readonly registry: PluginRegistry },
): Promise<Replay> {
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const { preprocessing } = manifest;
  const message = `${folder} was not made by "roble data:balance".`;
  const recipe = checked(recipeSchema, manifest.recipe, 'ROBLE_DATASET_INVALID', message);
  const problems = registry.problemsWith(recipe.plugins);
  if (problems.length > 0)
    throw new RobleError('ROBLE_REPLAY_DIFFERS', `${folder} was made with other plugins.`, {
      expected: 'the same versions of the same packages',
      problems,
    });
  await registry.admit(augmentersOf(recipe.augment));
  const pipeline = await openPipeline({ ...recipe, plugins: registry.entries });
  const split = await dataset.open('train');
  refuseMissing(samples, split.count);
  const provenance = await readProvenance(dataset, 'train');
  const originals = new Map(
    provenance.flatMap(({ copy, sha256 }, i) => (copy ? [] : [[`${sha256} ${split.labels[i]}`, i] as const])),
  );
  const replayed = samples.map((sample): ReplayedSample => {
    const { copy } = provenance[sample]!;
    const number = split.labels[sample]!;
    const about = { sample, label: manifest.classes[number]!, provenance: provenance[sample]! };
    if (!copy) return { ...about, original: viewOf(split, preprocessing, sample).data };
    const find = (hash: string) => viewOf(split, preprocessing, originals.get(`${hash} ${number}`)!);
    const made = makeAgain(pipeline, copy, find, about.label, recipe.seed);
    refuseDifference(about, made, recipe.pipeline, pipeline);
    return { ...about, original: find(copy.of).data, copy: made };
  });
  return { preprocessing, samples: replayed };
}

function makeAgain(
  pipeline: AugmentPipeline,
  { of, number, partner }: CopyLineage,
  find: (hash: string) => ImageView,
  label: string,
  seed: number,
): Uint8Array {
  const key = { seed, sample: sampleKeyOf(of), copy: number };
  const { data } = pipeline.apply(find(of), key, label, partner === undefined ? undefined : find(partner));
  return data.slice();
}

function refuseMissing(samples: readonly number[], count: number): void {
  const missing = samples.find((sample) => !Number.isInteger(sample) || sample < 0 || sample >= count);
  if (missing === undefined) return;
  throw new RobleError('ROBLE_USAGE', 'There is no such sample.', {
    received: missing,
    expected: `an index in train, from 0 to ${count - 1}`,
  });
}

function refuseDifference(
  { sample, provenance }: Pick<ReplayedSample, 'sample' | 'provenance'>,
  made: Uint8Array,
  recorded: unknown,
  pipeline: AugmentPipeline,
): void {
  const hash = sha256(made);
  if (hash === provenance.sha256) return;
  const sameSteps = JSON.stringify(recorded) === pipeline.fingerprint;
  throw new RobleError('ROBLE_REPLAY_DIFFERS', `Sample ${sample} was made again, and is not the same.`, {
    received: `SHA-256 ${hash}`,
    expected: `SHA-256 ${provenance.sha256}`,
    nextSteps: sameSteps
      ? ['The augmenters are of the same versions: please report it.']
      : ['Use the version of roble and of the plugins that made it: the augmenters have changed since.'],
  });
}
