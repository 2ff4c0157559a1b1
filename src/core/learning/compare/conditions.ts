import { z } from 'zod';
import { type Problem, RobleError } from '../../base/errors.js';
import { describeIssues } from '../../base/schema/issues.js';
import { inputJsonSchema } from '../../base/schema/json-schema.js';
import { isSettings, mergeSettings, type Settings } from '../../base/schema/merge.js';
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
