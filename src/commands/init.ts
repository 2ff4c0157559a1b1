import { basename, dirname, join, relative, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/base/context.js';
import { RobleError } from '../core/base/errors.js';
import { exists, withSlashes } from '../core/base/storage/files.js';
import type { TemplateSuggestions, TemplateValues } from '../core/config/template.js';
import type { ShapeSuggestion } from '../core/image/suggest-shape.js';
import type { PictureSurvey } from '../core/image/survey.js';
import type { Questions } from '../ui/terminal/ask.js';

interface Initialized {
  readonly file: string;
  readonly written: boolean;
  readonly content: string;
  /** What to do then: commands to run, or a sentence. */
  readonly next: readonly string[];
}

/** What is written: the configuration, or, where GitHub looks for it, the workflow of a flag, and what to do then. */
const FILES = {
  config: { path: 'roble.config.yaml' },
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

const BACKBONE =
  'Photographs are learned best from few by a network that has seen others: "roble train --backbone FILE". The configuration says how to get one, at "model".';

/** What pictures suggest. */
interface Look extends ShapeSuggestion {
  readonly preset: string;
}

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
    const { content, next } =
      kind === 'config'
        ? await this.configFile(folder, signal)
        : { content: await renderWorkflow(kind, folder), next: [FILES[kind].next] };
    if (write) await writeFile(file, content);
    return { file, written: write, content, next };
  }

  /** A configuration with the answers of the flags, or of the user. */
  private async configFile(
    folder: string,
    signal: AbortSignal | undefined,
  ): Promise<Pick<Initialized, 'content' | 'next'>> {
    const { flags } = await this.parse(Init);
    const { ask } = await import('../ui/terminal/ask.js');
    const { renderConfigFile } = await import('../core/config/template.js');
    const look = await this.lookAt(flags.pictures ?? folder);
    const values = await ask(await questions(folder, look), {
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
    const content = await renderConfigFile(
      values,
      await schemaLocation(folder),
      suggestionsFor(look, values),
    );
    await checkContent(content, values);
    return { content, next: nextCommands(folder, look && (flags.pictures ?? folder), values, look) };
  }

  /** What the pictures in a folder suggest; the reasons are reported. */
  private async lookAt(folder: string): Promise<Look | undefined> {
    const { flags } = await this.parse(Init);
    if (flags.pictures === undefined && !(await exists(folder))) return undefined;
    const { surveyPictures } = await import('../core/image/survey.js');
    const { describeSuggestion, describeUnreadable } = await import('../ui/results/init.js');
    const found = await surveyPictures(folder);
    if (found.unreadable.length > 0) this.report({ type: 'warning', message: describeUnreadable(found) });
    const { survey } = found;
    if (!survey) return undefined;
    const { describeSurvey, suggestShape } = await import('../core/image/suggest-shape.js');
    const shape = suggestShape(survey);
    this.report({ type: 'note', message: `${describeSurvey(survey)}: ${describeSuggestion(survey, shape)}` });
    if (shape.isPhotograph) this.report({ type: 'note', message: BACKBONE });
    return { ...shape, ...presetFor(survey, shape) };
  }

  protected render({ file, written, content, next }: Initialized): void {
    const then = next.length === 1 ? `Next: ${next[0]}` : ['Next:', ...next].join('\n  ');
    this.log(written ? `Wrote ${file}\n${then}` : content.trimEnd());
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

/** Pooling, where pictures are large: a dense layer on all of their pixels has millions of weights. */
function presetFor(
  { perFolder }: PictureSurvey,
  { isPhotograph, channels }: ShapeSuggestion,
): { preset: string } {
  if (isPhotograph) return { preset: 'resnet-small' };
  const classes = [...perFolder.keys()].map((path) => path.split('/').at(-1)!);
  const isCharacters = classes.length >= FEWEST_CHARACTERS && classes.every((name) => [...name].length === 1);
  return { preset: isCharacters && channels === 1 ? 'characters' : 'cnn-v2' };
}
/** Folders that are called by a character each, from which on they are an alphabet, or digits. */
const FEWEST_CHARACTERS = 10;

/** The commands that train on the pictures that were found; a sentence where none were. */
function nextCommands(
  folder: string,
  pictures: string | undefined,
  { dataset }: TemplateValues,
  look: Look | undefined,
): string[] {
  if (pictures === undefined)
    return ['"roble data:import" brings your pictures in, "roble train" trains on them.'];
  const source = withSlashes(relative(folder, resolve(pictures))) || '.';
  return [
    ...(folder === resolve('.') ? [] : [`cd ${shellWord(withSlashes(relative('.', folder)))}`]),
    `roble data:import ${shellWord(source)} --out ${shellWord(dataset)}`,
    look?.isPhotograph ? 'roble train --backbone FILE    (or "roble train", from nothing)' : 'roble train',
  ];
}

/** A word as a shell reads it. */
const shellWord = (word: string) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** What the pictures suggest and no question asks, as far as the answers did not choose otherwise. */
function suggestionsFor(look: Look | undefined, values: TemplateValues): TemplateSuggestions {
  if (!look) return {};
  return {
    fit: look.fit,
    background: values['image.invert'] === look.invert ? look.background : undefined,
    strategy: look.isPhotograph ? 'photo' : undefined,
    backbone: look.isPhotograph,
  };
}

async function questions(folder: string, look: Look | undefined): Promise<Questions<TemplateValues>> {
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
      fallback: look?.preset ?? 'cnn-v2',
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
