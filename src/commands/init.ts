import { basename, dirname, join, relative, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/base/context.js';
import { RobleError } from '../core/base/errors.js';
import { exists, withSlashes } from '../core/base/storage/files.js';
import type { TemplateValues } from '../core/config/template.js';
import type { ShapeSuggestion } from '../core/image/suggest-shape.js';
import type { Questions } from '../ui/terminal/ask.js';

interface Initialized {
  readonly file: string;
  readonly written: boolean;
  readonly content: string;
}

/** What is written: the configuration, or, where GitHub looks for it, the workflow of a flag; and what to do then. */
const FILES = {
  config: {
    path: 'roble.config.yaml',
    next: '"roble data:import" brings your pictures in, "roble train" trains on them.',
  },
  nightly: {
    path: join('.github', 'workflows', 'roble-nightly-data.yaml'),
    next: 'commit it. "Run workflow" on GitHub tries it at once.',
  },
  retrain: {
    path: join('.github', 'workflows', 'roble-retrain.yaml'),
    next: 'write your targets under "kpis" of the configuration, and set up the environment "production" on GitHub.',
  },
};
type Kind = keyof typeof FILES;

/** The flags that answer a question about the configuration. */
const ANSWERS = [
  ...['name', 'dataset', 'runs', 'pictures', 'width', 'height', 'channels', 'invert'],
  ...['preset', 'epochs', 'batch-size', 'port', 'yes'],
];

export default class Init extends RobleCommand<Initialized> {
  static override summary = 'Write a roble.config.yaml that explains each choice, or a workflow for GitHub.';
  static override description =
    'Asks for what no flag answers. --yes accepts the suggested answers instead of asking. --nightly and --retrain write a workflow into .github/workflows instead, for the data set of the configuration; the project has to be the root of its repository.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> letters --yes --width 32 --height 32',
    '<%= config.bin %> <%= command.id %> --nightly',
    '<%= config.bin %> <%= command.id %> --retrain --dry-run',
  ];
  static override args = {
    folder: Args.string({
      description: 'Folder of the project; by default the current one.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    name: Flags.string({ description: 'Name of the model.' }),
    dataset: Flags.string({ description: 'Folder of the data set, relative to the file.' }),
    runs: Flags.string({ description: 'Folder of the training runs, relative to the file.' }),
    pictures: Flags.string({
      helpValue: 'DIR',
      description: 'Pictures to look at for the suggestions; by default those in the folder of the project.',
    }),
    width: Flags.integer({ description: 'Width in pixels of what the model sees.', min: 1, max: 4096 }),
    height: Flags.integer({ description: 'Height in pixels of what the model sees.', min: 1, max: 4096 }),
    channels: Flags.integer({ description: '1: grey, 3: colour.', min: 1, max: 3 }),
    invert: Flags.boolean({
      description: 'Swap light and dark, for dark ink on light paper.',
      allowNo: true,
    }),
    preset: Flags.string({ description: 'Architecture by name.' }),
    epochs: Flags.integer({ description: 'Passes over the training data.', min: 1 }),
    'batch-size': Flags.integer({ description: 'Images in a step.', min: 1 }),
    port: Flags.integer({ description: 'Port of the server.', min: 0, max: 65535 }),
    nightly: Flags.boolean({
      description: 'Write a GitHub workflow that balances and checks the data set every night.',
      exclusive: [...ANSWERS, 'retrain'],
    }),
    retrain: Flags.boolean({
      description:
        'Write a GitHub workflow that retrains each month and when there is new data, evaluates the model and delivers it.',
      exclusive: ANSWERS,
    }),
    yes: Flags.boolean({ char: 'y', description: 'Accept the suggested answers instead of asking.' }),
    force: Flags.boolean({ description: 'Overwrite an existing file.' }),
    'dry-run': Flags.boolean({ description: 'Print the file instead of writing it.' }),
  };

  protected async execute({ signal }: Context): Promise<Initialized> {
    const { args, flags } = await this.parse(Init);
    const folder = resolve(args.folder ?? '.');
    const kind: Kind = flags.nightly ? 'nightly' : flags.retrain ? 'retrain' : 'config';
    const file = join(folder, FILES[kind].path);
    const write = !flags['dry-run'];
    if (write && !flags.force) await refuseExisting(file);
    const content =
      kind === 'config' ? await this.configFile(folder, signal) : await renderWorkflow(kind, folder);
    if (write) await writeFile(file, content);
    return { file, written: write, content };
  }

  /** A configuration with the answers of the flags, or of the user. */
  private async configFile(folder: string, signal: AbortSignal | undefined): Promise<string> {
    const { flags } = await this.parse(Init);
    const { ask } = await import('../ui/terminal/ask.js');
    const { renderConfigFile } = await import('../core/config/template.js');
    const values = await ask(await questions(folder, await this.lookAt(flags.pictures ?? folder)), {
      given: {
        name: flags.name,
        dataset: flags.dataset,
        runs: flags.runs,
        'image.width': flags.width,
        'image.height': flags.height,
        'image.channels': flags.channels,
        'image.invert': flags.invert,
        'model.preset': flags.preset,
        'train.epochs': flags.epochs,
        'train.batchSize': flags['batch-size'],
        'serve.port': flags.port,
      },
      yes: flags.yes,
      interactive: this.isInteractive,
      signal,
    });
    const content = await renderConfigFile(values, await schemaLocation(folder));
    await checkContent(content, values);
    return content;
  }

  /** What the pictures in a folder suggest; the reason is reported. */
  private async lookAt(folder: string): Promise<ShapeSuggestion | undefined> {
    const { flags } = await this.parse(Init);
    if (flags.pictures === undefined && !(await exists(folder))) return undefined;
    const { suggestShape } = await import('../core/image/suggest-shape.js');
    const found = await suggestShape(folder);
    if (!found) return undefined;
    const { width, height, channels, invert, reason } = found;
    const message = `${reason}: suggested are ${width}x${height}, ${channels === 1 ? 'grey' : 'colour'}${invert ? ', inverted' : ''}.`;
    this.report({ type: 'note', message });
    return found;
  }

  protected render({ file, written, content }: Initialized): void {
    const next = Object.values(FILES).find(({ path }) => file.endsWith(path))!.next;
    this.log(written ? `Wrote ${file}\nNext: ${next}` : content.trimEnd());
  }
}

/** The workflow for the data set of the configuration that holds in a folder. */
async function renderWorkflow(workflow: 'nightly' | 'retrain', folder: string): Promise<string> {
  const { loadConfig } = await import('../core/config/load.js');
  const { renderNightlyWorkflow, renderRetrainWorkflow } = await import('../core/config/template.js');
  const { stackName } = await import('../core/operations/deploy/stack-settings.js');
  const { config } = await loadConfig({ cwd: folder, env: process.env });
  const dataset = withSlashes(relative(folder, config.dataset));
  return workflow === 'nightly'
    ? renderNightlyWorkflow(dataset)
    : renderRetrainWorkflow(dataset, stackName(config.name));
}

async function questions(
  folder: string,
  look: ShapeSuggestion | undefined,
): Promise<Questions<TemplateValues>> {
  const { PRESETS, recipeOf } = await import('../core/learning/presets.js');
  const { trainSchema } = await import('../core/learning/settings.js');
  const recipe = (answers: Partial<TemplateValues>) => trainSchema.parse(recipeOf(answers['model.preset']));
  return {
    name: { flag: '--name', message: 'Name of the model', fallback: basename(folder) || 'classifier' },
    dataset: { flag: '--dataset', message: 'Folder of the data set', fallback: 'data/dataset' },
    runs: { flag: '--runs', message: 'Folder of the training runs', fallback: 'runs' },
    'image.width': {
      flag: '--width',
      message: 'Width of the pictures in pixels',
      fallback: look?.width ?? 28,
    },
    'image.height': {
      flag: '--height',
      message: 'Height of the pictures in pixels',
      fallback: look?.height ?? 28,
    },
    'image.channels': {
      flag: '--channels',
      message: 'Colours',
      fallback: look?.channels ?? 1,
      choices: [
        { value: 1, name: 'grey' },
        { value: 3, name: 'red, green, blue' },
      ],
    },
    'image.invert': {
      flag: '--invert or --no-invert',
      message: 'Are the pictures dark on light, such as ink on paper?',
      fallback: look?.invert ?? false,
      choices: [
        { value: false, name: 'no' },
        { value: true, name: 'yes: swap light and dark' },
      ],
    },
    'model.preset': {
      flag: '--preset',
      message: 'Architecture',
      fallback: 'cnn-v2',
      choices: Object.entries(PRESETS).map(([value, { description }]) => ({
        value,
        name: `${value}: ${description}`,
      })),
    },
    'train.epochs': {
      flag: '--epochs',
      message: 'Epochs: passes over the training data',
      fallback: (answers) => recipe(answers).epochs,
    },
    'train.batchSize': {
      flag: '--batch-size',
      message: 'Images in a step',
      fallback: (answers) => recipe(answers).batchSize,
    },
    'serve.port': { flag: '--port', message: 'Port of the server', fallback: 8080 },
  };
}

async function refuseExisting(file: string): Promise<void> {
  if (!(await exists(file))) return;
  throw new RobleError('ROBLE_CONFIG_EXISTS', `${file} exists already.`, {
    nextSteps: ['Edit it, or give --force to overwrite it, or --dry-run to see what would be written.'],
  });
}

/** Flags may hold what the configuration refuses; a file that no command accepts is not written. */
async function checkContent(content: string, values: TemplateValues): Promise<void> {
  const { readYaml } = await import('../core/base/schema/yaml-text.js');
  const { configSchema } = await import('../core/config/schema.js');
  const { configJsonSchema } = await import('../core/config/keys.js');
  const { describeIssues } = await import('../core/base/schema/issues.js');
  const { layersOf } = await import('../core/learning/presets.js');
  const { value: written } = readYaml(content, { name: 'answers' });
  const { error } = configSchema.safeParse(written);
  if (error)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'These answers do not make a valid configuration.', {
      problems: describeIssues(error.issues, written, () => 'answer', configJsonSchema()),
    });
  layersOf({ preset: values['model.preset'] });
}

async function writeFile(file: string, content: string): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  const { replaceFile } = await import('../core/base/storage/durable.js');
  await mkdir(dirname(file), { recursive: true });
  await replaceFile(file, content);
}

/** Where editors find the schema: in the project's own installation when there is one, else in this one. */
async function schemaLocation(folder: string): Promise<string> {
  const own = 'node_modules/roble/roble.schema.json';
  if (await exists(join(folder, own))) return `./${own}`;
  return new URL('../../roble.schema.json', import.meta.url).href;
}
