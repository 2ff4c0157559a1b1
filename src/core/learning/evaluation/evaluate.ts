import { type Context, withStep } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { knownName } from '../../base/text/names.js';
import { type Dataset, openDataset } from '../../data/dataset/open.js';
import { pictureProblems } from '../../data/dataset/same-form.js';
import { countByCode } from '../../data/formats/source.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { Bound, BoundResult } from '../analysis/bounds.js';
import type { Classifier } from './classifier.js';
import { judgeSubject } from './judge-subject.js';
import { checkTrainingData, KnownPictures } from './known-pictures.js';
import { boundedTopK, boundResults, checkMetrics, fullyNamed } from './metric-bounds.js';
import { resultRemarks, trainingRemarks } from './remarks.js';
import {
  type DataEvaluation,
  type DrawnEvaluation,
  type EvaluatedModels,
  type JudgedSplit,
  splitText,
} from './result.js';
import { type JudgedSourceOptions, labelNames, openSubject, type Subject } from './subject.js';

const TOP_K = [3, 5];

export interface EvaluateOptions extends JudgedSourceOptions {
  /** Models that are judged side by side, at least one; further ones are compared with the first. */
  readonly models: readonly Classifier[];
  /** Data sets, and whatever `data:import` reads, at least one; each is judged by itself. */
  readonly data: readonly string[];
  /** Default: `test` where there is one, else `validation`; of a source without splits all samples. */
  readonly split?: JudgedSplit | undefined;
  /** Groups of classes that look alike, which the folded accuracy counts as one. */
  readonly twins?: readonly (readonly string[])[] | undefined;
  /** Which top-k accuracies are computed; default 3 and 5. */
  readonly topK?: readonly number[] | undefined;
  /** The data set that a model was trained on, to find its pictures among those that are judged. */
  readonly trainingData?: string | undefined;
  /** What metrics must reach, or must not exceed, for each model on each source. */
  readonly bounds?: readonly Bound[] | undefined;
}

/**
 * Judges models on samples with labels: by name, so that the classes may be in any order. What the model does not know
 * is wrong, what cannot be read is left out; both are counted and listed.
 *
 * @throws {RobleError} `ROBLE_DATASET_SPLIT`, `ROBLE_DATASETS_DIFFER` for a data set whose pictures were made for another
 *   model, `ROBLE_SOURCE_EMPTY`, `ROBLE_USAGE` for a bound on what is no metric
 */
export async function evaluateModels(
  options: EvaluateOptions,
  context: Context & { readonly registry?: PluginRegistry } = {},
): Promise<EvaluatedModels> {
  const { models, data } = options;
  const bounds = fullyNamed(options.bounds ?? []);
  if (models.length === 0 || data.length === 0)
    throw new RobleError('ROBLE_USAGE', 'There is nothing to evaluate.', {
      expected: 'a model, and data to judge it on',
    });
  const twins = fittingTwins(options, context);
  checkMetrics(bounds, twins.length > 0);
  const given = await givenPictures(options);
  const drawn: DrawnEvaluation[] = [];
  for (const path of data) drawn.push(await evaluateOn(path, given, { ...options, twins, bounds }, context));
  return {
    models: models.map(({ place, name, digest, classes }) => ({
      ...{ model: place, name, digest, classes: classes.length },
    })),
    data: drawn,
    bounds: drawn.flatMap((judged) => boundsOn(judged, bounds, options)),
  };
}

/** Look-alikes are those of a project, whose classes a model need not have. */
function fittingTwins(
  { twins = [], models }: EvaluateOptions,
  { reporter }: Context,
): readonly (readonly string[])[] {
  return twins.filter((labels) => {
    const misfit = models.find(
      ({ classes }) => !labels.every((label) => knownName(label, classes) !== undefined),
    );
    if (misfit)
      reporter?.report({
        type: 'warning',
        message: `the look-alikes ${labels.map((label) => `"${label}"`).join(', ')} are not all classes of ${misfit.place}: they do not count as one`,
      });
    return !misfit;
  });
}

function boundsOn(
  { path, evaluations, leftOut }: DataEvaluation,
  bounds: readonly Bound[],
  { models, data }: EvaluateOptions,
): BoundResult[] {
  return evaluations.flatMap((evaluation) => {
    const name = [...(models.length > 1 ? [evaluation.model] : []), ...(data.length > 1 ? [path] : [])];
    return boundResults(name.join(' on ') || evaluation.model, evaluation, leftOut.length, bounds);
  });
}

async function evaluateOn(
  path: string,
  given: KnownPictures | undefined,
  options: EvaluateOptions,
  context: Context & { readonly registry?: PluginRegistry },
): Promise<DrawnEvaluation> {
  const { models, twins = [], topK = TOP_K, bounds = [] } = options;
  const { signal, registry } = context;
  const subject = await openSubject(path, options.split, options, { signal, registry });
  if (subject.dataset) checkPictures(subject.dataset, models);
  const remarks: string[] = [];
  const warn = (message: string) => {
    if (remarks.includes(message)) return;
    remarks.push(message);
    context.reporter?.report({ type: 'warning', message });
  };
  for (const message of trainingRemarks(subject, models)) warn(message);
  const known = given ?? (await knownPictures(subject, models));
  const start = performance.now();
  const title = `Evaluating on ${path} (${splitText(subject.split)})`;
  const judging = {
    ...{ models, lookAlikes: twins, known, warn, nameOf: labelNames(options, models) },
    topK: [...new Set([...topK, ...boundedTopK(bounds)])].sort((a, b) => a - b),
  };
  const judged = await withStep(context, 'evaluate', title, () => judgeSubject(subject, judging, context));
  for (const message of resultRemarks(judged)) warn(message);
  const { evaluations, pictures, comparisons, leftOut } = judged;
  const fingerprint = subject.dataset?.manifest.fingerprint;
  return {
    ...{ path, split: subject.split, count: evaluations[0]!.count },
    ...(fingerprint !== undefined && { fingerprint }),
    ...{ leftOut, leftOutByCode: countByCode(leftOut), remarks, evaluations, pictures, comparisons },
    seconds: (performance.now() - start) / 1000,
  };
}

/** Pixels that were made for another model are refused; pictures of any other source are converted for each model. */
function checkPictures({ folder, manifest }: Dataset, models: readonly Classifier[]): void {
  const problems = models.flatMap(({ place, preprocessing, input }) =>
    pictureProblems(
      { preprocessing: preprocessing ?? { ...manifest.preprocessing, ...input } },
      manifest,
    ).map((message): Problem => ({ path: place, message: `the data set ${message}` })),
  );
  if (problems.length === 0) return;
  throw new RobleError('ROBLE_DATASETS_DIFFER', `The pictures of ${folder} were not made for the model.`, {
    expected: 'the preprocessing of the model',
    problems,
    nextSteps: ['Name the pictures that the data set was imported from: they are converted for the model.'],
  });
}

async function givenPictures({ trainingData, models }: EvaluateOptions): Promise<KnownPictures | undefined> {
  if (trainingData === undefined) return undefined;
  const dataset = await openDataset(trainingData);
  checkTrainingData(dataset, models);
  return KnownPictures.read(dataset);
}

/** Pictures of the training, where the data set holds them and not all samples are of it by name. */
async function knownPictures(
  { dataset, split }: Subject,
  models: readonly Classifier[],
): Promise<KnownPictures | undefined> {
  if (!dataset?.manifest.splits.train || split === 'train') return undefined;
  const { fingerprint } = dataset.manifest;
  const isKnown = models.some(({ dataFingerprint }) => dataFingerprint === fingerprint);
  return isKnown ? KnownPictures.read(dataset) : undefined;
}
