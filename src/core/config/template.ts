import { fillTemplate } from '../base/text/template.js';
import type { StrategyName } from '../data/augment/settings.js';
import type { Preprocessing } from '../image/settings.js';
import { recipeOf } from '../learning/presets.js';
import { trainSchema } from '../learning/settings.js';

/** What `init` asks for; everything else in the file has its default, or that of the preset's recipe. */
export interface TemplateValues {
  readonly name: string;
  readonly dataset: string;
  readonly runs: string;
  readonly 'image.width': number;
  readonly 'image.height': number;
  readonly 'image.channels': number;
  readonly 'image.invert': boolean;
  readonly 'model.preset': string;
  readonly 'train.epochs': number;
  readonly 'train.batchSize': number;
  readonly 'serve.port': number;
}

/** What pictures suggest besides, and is not asked for. */
export interface TemplateSuggestions {
  readonly fit?: Preprocessing['fit'] | undefined;
  /** Default: that of dark ink on light paper where light and dark are swapped, else black. */
  readonly background?: string | undefined;
  /** Default: that of the preset's recipe. */
  readonly strategy?: StrategyName | undefined;
  /** Whether to tell of backbones. */
  readonly backbone?: boolean | undefined;
}

/**
 * A commented configuration file.
 *
 * @param schema where editors find the JSON Schema: a path relative to the file, or a URL.
 */
export async function renderConfigFile(
  values: TemplateValues,
  schema: string,
  suggested: TemplateSuggestions = {},
): Promise<string> {
  const { learningRate, schedule, labelSmoothing, emaDecay, augment } = trainSchema.parse(
    recipeOf(values['model.preset']),
  );
  const recipe = {
    'train.learningRate': learningRate,
    'train.schedule': schedule,
    'train.labelSmoothing': labelSmoothing,
    'train.emaDecay': emaDecay,
    'train.augment.strategy': suggested.strategy ?? augment.strategy,
    'image.fit': suggested.fit ?? 'contain',
    'image.background': suggested.background ?? (values['image.invert'] ? '#ffffff' : '#000000'),
  };
  // What is JSON is YAML, whatever it holds.
  const quoted = Object.entries({ ...values, ...recipe }).map(([key, value]) => [key, JSON.stringify(value)]);
  const backbone = suggested.backbone ?? false;
  return fillTemplate('roble.config.yaml', { schema, backbone, ...Object.fromEntries(quoted) });
}

/**
 * A workflow for GitHub Actions that balances the project's data set every night.
 *
 * @param dataset its folder, relative to that of the project
 */
export async function renderNightlyWorkflow(dataset: string): Promise<string> {
  return fillTemplate('github/nightly-data.yaml', { dataset: JSON.stringify(dataset) });
}

/**
 * A workflow for GitHub Actions that retrains the project's model, evaluates it and puts it on trial in the server.
 *
 * @param dataset its folder, relative to that of the project
 * @param name that of the model in the server's repository
 */
export async function renderRetrainWorkflow(dataset: string, name: string): Promise<string> {
  return fillTemplate('github/retrain.yaml', {
    dataset: JSON.stringify(dataset),
    paths: JSON.stringify(`${dataset}/**`),
    name: JSON.stringify(name),
  });
}
