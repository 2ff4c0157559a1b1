import { z } from 'zod';
import { type Problem, RobleError } from '../../base/errors.js';
import { describeIssues } from '../../base/schema/issues.js';
import { inputJsonSchema } from '../../base/schema/json-schema.js';
import { isSettings, mergeSettings, type Settings } from '../../base/schema/merge.js';
import { sha256 } from '../../base/storage/durable.js';
import { type Dataset, openDataset } from '../../data/dataset/open.js';
import { type TrainOptions, trainSchema } from '../settings.js';

/** A data set and how it is trained on, as the caller names it. */
export interface ConditionChoice {
  /** Names it in the report and its folder of runs. */
  readonly name: string;
  /** Folder of a data set with the split `train`. */
  readonly dataset: string;
  /** Settings of this condition alone, as in the configuration: `{ train: { labelSmoothing: 0.1 } }`. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

/** The same, opened and checked. */
export interface Condition {
  readonly name: string;
  readonly dataset: Dataset;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly train: TrainOptions;
}

/** The part of the configuration that conditions may set. */
const conditionSchema = z.strictObject({ train: trainSchema.prefault({}) });

/** Settings of `train` that make the comparison fair because they are the same in all conditions. */
const COMMON = ['seed', 'epochs', 'maxStepsPerEpoch', 'earlyStopping', 'monitor', 'twins', 'from'];

/**
 * @param common `train` of all conditions, over which the settings of each are laid
 * @throws {RobleError} `ROBLE_USAGE` for names, `ROBLE_CONFIG_INVALID` for settings, and those of `openDataset`
 */
export async function openConditions(
  choices: readonly ConditionChoice[],
  common: Partial<TrainOptions>,
): Promise<Condition[]> {
  checkNames(choices.map(({ name }) => name));
  const trains = checkSettings(choices, common);
  return Promise.all(
    choices.map(async ({ name, dataset, settings = {} }, i) => ({
      name,
      dataset: await openDataset(dataset),
      settings,
      train: trains[i]!,
    })),
  );
}

function checkNames(names: readonly string[]): void {
  if (names.length < 2)
    throw new RobleError('ROBLE_USAGE', 'A comparison needs two data sets or more.', {
      received: names.length === 0 ? 'none' : `only "${names[0]}"`,
      expected: 'NAME=DATASET NAME=DATASET, the one to compare with first',
    });
  for (const [i, name] of names.entries()) {
    // A name is a folder, and stands before a dot in settings and bounds.
    if (!/^[a-z0-9][a-z0-9_-]*$/i.test(name))
      throw new RobleError('ROBLE_USAGE', `"${name}" cannot name a condition.`, {
        received: name,
        expected: 'letters, digits, "-" and "_", such as plain or balanced-300',
      });
    if (names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < i)
      throw new RobleError('ROBLE_USAGE', `Two conditions are named "${name}".`, { received: name });
  }
}

function checkSettings(choices: readonly ConditionChoice[], common: Partial<TrainOptions>): TrainOptions[] {
  const problems: Problem[] = [];
  const trains = choices.map(({ name, settings = {} }) => {
    problems.push(...misplaced(name, settings));
    const merged = mergeSettings({ train: common }, { train: settings.train ?? {} });
    const parsed = conditionSchema.safeParse(merged);
    const issues = parsed.error?.issues ?? [];
    problems.push(
      ...describeIssues(issues, merged, () => `condition "${name}"`, inputJsonSchema(conditionSchema)),
    );
    return parsed.data?.train;
  });
  if (problems.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'The settings of the comparison are not valid.', {
      problems,
    });
  return trains as TrainOptions[];
}

function misplaced(name: string, settings: Settings): Problem[] {
  const others = Object.keys(settings).filter((key) => key !== 'train');
  const common = isSettings(settings.train) ? COMMON.filter((key) => key in (settings.train as object)) : [];
  return [
    ...others.map((key) => ({
      path: `${name}.${key}`,
      message:
        'only settings of train can differ: the network and the pictures are the same in all conditions',
    })),
    ...common.map((key) => ({
      path: `${name}.train.${key}`,
      message: 'is the same in all conditions, or they could not be compared',
    })),
  ];
}

/**
 * Checks that the split `validation` of a data set is fit to judge models: that there is one, and that it holds no
 * augmented samples, which resemble each other and what a model was trained on.
 *
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_DATASET_LEAK`
 */
export async function checkJudgingData(data: Dataset): Promise<void> {
  let [index, copies] = [0, 0];
  let first: string | undefined;
  for await (const { copy, source } of data.provenance('validation')) {
    if (copy !== undefined) {
      copies++;
      first ??= `number ${index}, ${source}`;
    }
    index++;
  }
  if (copies === 0) return;
  throw new RobleError('ROBLE_DATASET_LEAK', `The validation split of ${data.folder} holds copies.`, {
    received: `${copies} augmented samples of ${index}, the first is ${first}`,
    expected: 'originals alone',
    nextSteps: ['Judge by the data set before it was augmented: --validation DATASET.'],
  });
}

/** SHA-256 of each picture of the split `validation`. */
export async function judgingPictures(data: Dataset): Promise<ReadonlySet<string>> {
  const { images, count } = await data.load('validation');
  return new Set(picturesOf(images, count));
}

/**
 * How many samples of the split `train` are pictures that judge, pixel by pixel, or copies of one.
 *
 * @param judging what {@link judgingPictures} gave
 */
export async function countKnown(data: Dataset, judging: ReadonlySet<string>): Promise<number> {
  const { images, count } = await data.load('train');
  const known = new Set<number>();
  for (const [index, hash] of picturesOf(images, count).entries()) if (judging.has(hash)) known.add(index);
  let index = 0;
  for await (const { copy } of data.provenance('train')) {
    if ([copy?.of, copy?.partner].some((hash) => hash !== undefined && judging.has(hash))) known.add(index);
    index++;
  }
  return known.size;
}

function picturesOf(images: Uint8Array, count: number): string[] {
  const size = images.length / count;
  return Array.from({ length: count }, (_, i) => sha256(images.subarray(i * size, (i + 1) * size)));
}
