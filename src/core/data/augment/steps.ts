import { RobleError } from '../../base/errors.js';
import { knownName } from '../../base/names.js';
import { didYouMean } from '../../base/text.js';
import type { ClassLimit } from './class-limits.js';
import type { LoadedStep } from './load-steps.js';

/** The steps as the limits allow them for a class. Of several limits the strictest holds. */
export function limitSteps<Step extends LoadedStep>(
  steps: readonly Step[],
  limits: readonly ClassLimit[],
  label: string,
): readonly Step[] {
  const own = limits.filter(({ labels }) => knownName(label, labels) !== undefined);
  if (own.length === 0) return steps;
  return steps.map((step) =>
    own.filter(({ augmenter }) => augmenter === step.augmenter.name).reduce(limitStep, step),
  );
}

function limitStep<Step extends LoadedStep>(step: Step, limit: ClassLimit): Step {
  const parameters = { ...step.parameters };
  for (const [name, most] of Object.entries(limit.parameters ?? {}))
    parameters[name] = Math.min(most, Number(parameters[name]));
  return { ...step, probability: Math.min(step.probability, limit.probability ?? 1), parameters };
}

/**
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` where a limit bounds what is no number among the parameters of its augmenter
 */
export function checkLimits(steps: readonly LoadedStep[], limits: readonly ClassLimit[]): void {
  const problems = limits.flatMap((limit, i) => {
    const step = steps.find(({ augmenter }) => augmenter.name === limit.augmenter);
    if (!step) return [];
    const known = Object.keys(step.parameters).filter((name) => typeof step.parameters[name] === 'number');
    return Object.keys(limit.parameters ?? {})
      .filter((name) => !known.includes(name))
      .map((name) => ({
        path: `limits.${i}.parameters.${name}`,
        message: `augmenter "${limit.augmenter}" has no such number`,
        suggestion: didYouMean(name, known)[0] ?? `Its numbers: ${known.join(', ')}.`,
      }));
  });
  if (problems.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'The limits of the augmentation are not valid.', {
      problems,
    });
}
