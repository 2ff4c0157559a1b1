import { z } from 'zod';
import { type Context, withStep } from '../../base/context.js';
import { checked } from '../../base/schema/checked.js';
import { countOf } from '../../base/text/text.js';
import { type Dataset, openDataset, splitOf } from '../../data/dataset/open.js';
import { checkSameForm } from '../../data/dataset/same-form.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { Bound, BoundResult } from '../analysis/bounds.js';
import { checkLookAlikes } from '../metrics/look-alikes.js';
import type { ModelChoice, TrainOptions } from '../settings.js';
import { refuseBackbone } from '../training/run/backbone.js';
import type { TrainingProgress } from '../training/run/events.js';
import { chosenLayers, withChosenDevice } from '../training/run/start.js';
import { type Condition, type ConditionChoice, openConditions } from './conditions.js';
import { checkJudgingData, countKnown, judgingPictures } from './judging-data.js';
import { type Budget, budgetOf, type PlannedRun, planRuns, shortestEpoch } from './plan.js';
import { checkFolders, finishRun, runId } from './runs.js';
import {
  COMPARED_METRICS,
  type ConditionSummary,
  checkConditionBounds,
  conditionBounds,
  type RunScore,
  rareClasses,
  scoreOf,
  summarize,
} from './scores.js';

export interface CompareDatasetsOptions {
  /** The first one is what the others are compared with. */
  readonly conditions: readonly ConditionChoice[];
  /** Folder of the data set whose split `validation` judges all models; by default the first one. */
  readonly validation?: string | undefined;
  /** Folder of the runs: `NAME/seed-N`. */
  readonly out: string;
  /** Steps of every run. */
  readonly steps: number;
  /** How often each model is evaluated; 10 by default. The best of them counts. */
  readonly evaluations?: number | undefined;
  /** Seeds of each condition, from `train.seed` on; 3 by default. */
  readonly seeds?: number | undefined;
  /** A preset or layers, for all; by default those of the bundle in `train.from`, else the preset `cnn-v2`. */
  readonly model?: ModelChoice | undefined;
  /** Settings of all conditions. `epochs`, `maxStepsPerEpoch` and `earlyStopping` follow from the steps. */
  readonly train?: Partial<TrainOptions>;
  /** What means must reach, or must not exceed; their metrics are `NAME.METRIC`. */
  readonly bounds?: readonly Bound[];
}

/** Plain data; but for times it is a function of the data and the settings. */
export interface DatasetComparison extends Budget {
  readonly seeds: readonly number[];
  readonly validation: { readonly dataset: string; readonly count: number; readonly fingerprint: string };
  /** Labels of the rarest quarter of the classes, see {@link rareClasses}, by the first training split. */
  readonly rareClasses: readonly string[];
  readonly conditions: readonly (ConditionSummary & {
    readonly dataset: string;
    readonly fingerprint: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly trainCount: number;
    /** Training samples that are judging pictures, pixel by pixel, or copies of one. */
    readonly knownPictures: number;
  })[];
  /** Not to be met is no error. */
  readonly bounds: readonly BoundResult[];
}

const limitsSchema = z.object({
  steps: z.int().min(1),
  evaluations: z.int().min(1).default(10),
  seeds: z.int().min(1).default(3),
});

/**
 * Trains the same network for the same number of steps on each data set, with several seeds, and compares the models on
 * one validation set. The same seed starts with the same weights in every condition. Interrupted, it goes on where it was
 * when it is called again with the same options.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_CONFIG_INVALID`, `ROBLE_DATASETS_DIFFER`, `ROBLE_DATASET_LEAK`,
 *   `ROBLE_RUN_EXISTS` when the folder holds other runs, `ROBLE_INTERRUPTED`, and those of `trainModel`
 * @example
 * const { conditions } = await compareDatasets(
 *   {
 *     conditions: [
 *       { name: 'plain', dataset: 'data/letters' },
 *       { name: 'balanced', dataset: 'data/letters-balanced' },
 *     ],
 *     out: 'runs/does-it-help',
 *     steps: 2000,
 *   },
 *   { registry },
 * );
 * conditions[1].differences.rareRecall?.verdict;
 */
export async function compareDatasets(
  options: CompareDatasetsOptions,
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<DatasetComparison> {
  const message = 'The limits of the comparison are not valid.';
  const limits = checked(limitsSchema, options, 'ROBLE_USAGE', message);
  const { conditions, judge } = await openSubjects(options, context.registry);
  const [first, names] = [conditions[0]!, conditions.map(({ name }) => name)];
  const hasLookAlikes = first.train.twins.length > 0;
  const metrics = COMPARED_METRICS.filter((metric) => metric !== 'foldedAccuracy' || hasLookAlikes);
  const bounds = conditionBounds(options.bounds ?? [], names, metrics);
  const budget = budgetOf(limits.steps, limits.evaluations, shortestEpoch(conditions));
  const seeds = Array.from({ length: limits.seeds }, (_, i) => first.train.seed + i);
  await refuseBackbone('A comparison of data sets', options.model, first.train.from);
  const layers = await chosenLayers(options.model, first.train.from);
  const runs = await planRuns({ conditions, seeds, budget, judge, layers, out: options.out });
  await checkFolders(runs);
  const known = await knownPictures(conditions, judge, context);
  const { classes } = first.dataset.manifest;
  const rare = rareClasses(splitOf(first.dataset, 'train').perClass);
  warnOfUnjudged(rare, judge, context);
  const summaries = summarize(names, await trainAll(runs, rare, context));
  return {
    ...budget,
    seeds,
    validation: { ...nameOf(judge), count: splitOf(judge, 'validation').count },
    rareClasses: rare.map((index) => classes[index]!),
    conditions: conditions.map(({ dataset, settings }, i) => ({
      ...summaries[i]!,
      ...nameOf(dataset),
      settings,
      trainCount: splitOf(dataset, 'train').count,
      knownPictures: known[i]!,
    })),
    bounds: checkConditionBounds(bounds, summaries),
  };
}

/** The data sets, checked to fit together. */
async function openSubjects(
  { conditions: choices, train = {}, validation }: CompareDatasetsOptions,
  registry: PluginRegistry,
) {
  const conditions: Condition[] = [];
  // The device that runs record is a certain one: a comparison that goes on compares its settings with theirs.
  for (const condition of await openConditions(choices, train)) {
    const { train: settings } = await withChosenDevice(condition.train, { registry });
    conditions.push({ ...condition, train: settings });
  }
  const [first, ...others] = conditions.map(({ dataset }) => dataset);
  const judge = validation === undefined ? first! : await openDataset(validation);
  checkSameForm(first!, [...others, judge]);
  checkLookAlikes(conditions[0]!.train.twins, judge.manifest.classes);
  await checkJudgingData(judge);
  return { conditions, judge };
}

function nameOf({
  folder,
  manifest,
}: Dataset): Pick<DatasetComparison['validation'], 'dataset' | 'fingerprint'> {
  return { dataset: folder, fingerprint: manifest.fingerprint };
}

async function knownPictures(
  conditions: readonly Condition[],
  judge: Dataset,
  { reporter }: Context<TrainingProgress>,
): Promise<number[]> {
  const judging = await judgingPictures(judge);
  const counts: number[] = [];
  for (const { name, dataset } of conditions) {
    const known = await countKnown(dataset, judging);
    counts.push(known);
    if (known === 0) continue;
    const message = `"${name}" trains on ${countOf(known, 'picture')} of the validation split or copies of one: its results may be too good.`;
    reporter?.report({ type: 'warning', message });
  }
  return counts;
}

/** The rare classes may all be absent from the validation split. */
function warnOfUnjudged(
  rare: readonly number[],
  judge: Dataset,
  { reporter }: Context<TrainingProgress>,
): void {
  const { perClass } = splitOf(judge, 'validation');
  if (rare.some((index) => perClass[index]! > 0)) return;
  const message = `The validation split of ${judge.folder} has no picture of a rare class: there is no rareRecall.`;
  reporter?.report({ type: 'warning', message });
}

async function trainAll(
  runs: readonly PlannedRun[],
  rare: readonly number[],
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<RunScore[]> {
  const scores: RunScore[] = [];
  for (const [i, run] of runs.entries()) {
    context.signal?.throwIfAborted();
    const title = `${run.condition}, seed ${run.seed} (run ${i + 1} of ${runs.length})`;
    await withStep(context, runId(run), title, () => finishRun(run, context));
    scores.push(await scoreOf(run, rare));
  }
  return scores;
}
