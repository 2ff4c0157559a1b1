import { describeIssues } from '../../base/schema/issues.js';
import { type Problem, RobleError } from '../../base/errors.js';
import type { Augmenter } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { AugmentStep } from './settings.js';

/** A step whose augmenter is loaded and whose parameters are checked and complete. */
export interface LoadedStep {
  readonly augmenter: Augmenter;
  readonly probability: number;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Loads the augmenters of the steps and checks their parameters.
 *
 * @param background value of the paper for augmenters that have such a parameter, where a step says nothing
 * @throws {RobleError} `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_PLUGIN_INVALID`; `ROBLE_CONFIG_INVALID` with all problems at once
 */
export async function loadSteps(
  registry: PluginRegistry,
  steps: readonly AugmentStep[],
  background: number,
): Promise<LoadedStep[]> {
  const problems: Problem[] = [];
  const loaded: LoadedStep[] = [];
  for (const [i, step] of steps.entries()) {
    const augmenter = await registry.load('augmenter', step.augmenter);
    const written = takesBackground(augmenter) ? { background, ...step.parameters } : step.parameters;
    const parsed = augmenter.parameters.safeParse(written);
    if (parsed.success) loaded.push({ augmenter, probability: step.probability, parameters: parsed.data });
    else
      for (const problem of describeIssues(
        parsed.error.issues,
        written,
        () => `augmenter "${augmenter.name}"`,
        augmenter.parameters,
      ))
        problems.push({ ...problem, path: `${i}.parameters.${problem.path}` });
  }
  if (problems.length === 0) return loaded;
  throw new RobleError('ROBLE_CONFIG_INVALID', 'The steps of the augmentation are not valid.', { problems });
}

function takesBackground({ parameters }: Augmenter): boolean {
  return 'background' in parameters.parse({});
}
