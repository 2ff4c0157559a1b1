import { type Problem, RobleError } from '../../base/errors.js';
import { describeIssues } from '../../base/schema/issues.js';
import { inputJsonSchema } from '../../base/schema/json-schema.js';
import { knownName } from '../../base/text/names.js';
import { didYouMean } from '../../base/text/text.js';
import type { Augmenter, AugmenterFactory } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { AugmentStep, ClassLimit } from './settings.js';

/** A step whose augmenter is loaded and whose parameters are checked and complete. */
export interface LoadedStep {
  readonly augmenter: Augmenter;
  readonly probability: number;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Loads the augmenters of the steps and checks their parameters.
 *
 * @param background default of the parameter `background`, the value of the paper, for augmenters that have it
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
    const augmenter = createAugmenter(await registry.load('augmenter', step.augmenter));
    const written = takesBackground(augmenter) ? { background, ...step.parameters } : step.parameters;
    const parsed = augmenter.parameters.safeParse(written);
    if (parsed.success) loaded.push({ augmenter, probability: step.probability, parameters: parsed.data });
    else
      for (const problem of describeIssues(
        parsed.error.issues,
        written,
        () => `augmenter "${augmenter.name}"`,
        inputJsonSchema(augmenter.parameters),
      ))
        problems.push({ ...problem, path: `${i}.parameters.${problem.path}` });
  }
  if (problems.length === 0) return loaded;
  throw new RobleError('ROBLE_CONFIG_INVALID', 'The steps of the augmentation are not valid.', { problems });
}

/**
 * The augmenter of a plugin: an instance of its own where the plugin creates one.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` where it has neither `create` nor `apply`
 */
export function createAugmenter<Parameters>(
  plugin: Augmenter<Parameters> | AugmenterFactory<Parameters>,
): Augmenter<Parameters> {
  if ('create' in plugin) {
    const instance = plugin.create();
    const { name, version, description, parameters, needsPartner = false, needsStrokes = false } = plugin;
    const apply: Augmenter<Parameters>['apply'] = (...values) => instance.apply(...values);
    return { name, version, description, parameters, needsPartner, needsStrokes, apply };
  }
  if (typeof plugin.apply === 'function') return plugin;
  const { name } = plugin as Augmenter<Parameters>;
  throw new RobleError('ROBLE_PLUGIN_INVALID', `The augmenter "${name}" has neither "create" nor "apply".`, {
    received: Object.keys(plugin).join(', '),
    expected: 'an Augmenter or an AugmenterFactory of roble/plugin',
  });
}

function takesBackground({ parameters }: Augmenter): boolean {
  return 'background' in parameters.parse({});
}

/** The steps within the limits of a class. If several limits apply, the strictest one holds. */
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
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` if a limit names a parameter of its augmenter that is not a number
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
