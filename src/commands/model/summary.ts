import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import { RobleError } from '../../core/base/errors.js';
import type { DatasetManifest } from '../../core/data/dataset/format.js';
import type { ModelSpec } from '../../core/model/spec.js';
import type { ModelSummary } from '../../core/model/summary.js';
import { summaryLines } from '../../ui/results/model.js';

/** The presets, or one architecture. */
type Result =
  | { readonly presets: readonly { readonly name: string; readonly description: string }[] }
  | ModelSummary;

export default class ModelSummaryCommand extends RobleCommand<Result> {
  static override summary = 'Show the layers of a network with their shapes, parameters and cost.';
  static override description =
    'By default the network of the configuration, for the image shape and the classes of its data set where there is one. ' +
    'With BUNDLE, the network of a trained model.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --preset resnet-small --width 32 --height 32 --channels 3 --classes 10',
    '<%= config.bin %> <%= command.id %> --list',
  ];
  static override args = {
    bundle: Args.string({ description: 'Folder of a model bundle.', ignoreStdin: true }),
  };
  static override flags = {
    list: Flags.boolean({ description: 'List the presets.' }),
    preset: Flags.string({ description: 'Architecture by name.' }),
    width: Flags.integer({ description: 'Width of the images.', min: 1 }),
    height: Flags.integer({ description: 'Height of the images.', min: 1 }),
    channels: Flags.integer({ description: '1: grey, 3: colour.', min: 1 }),
    classes: Flags.integer({ description: 'Number of classes, instead of those of the data set.', min: 2 }),
  };

  protected async execute(): Promise<Result> {
    const { flags, args } = await this.parse(ModelSummaryCommand);
    if (flags.list) {
      const { PRESETS } = await import('../../core/learning/presets.js');
      return { presets: Object.entries(PRESETS).map(([name, { description }]) => ({ name, description })) };
    }
    const { summarizeModel } = await import('../../core/model/summary.js');
    if (args.bundle === undefined) return summarizeModel(await this.configuredModel());
    const [unused] = (['preset', 'width', 'height', 'channels', 'classes'] as const).filter(
      (flag) => flags[flag] !== undefined,
    );
    if (unused)
      throw new RobleError(
        'ROBLE_USAGE',
        `A bundle has its own architecture: --${unused} cannot change it.`,
        {
          received: `BUNDLE and --${unused}`,
          expected: 'one of them',
        },
      );
    return summarizeModel(await bundledModel(args.bundle));
  }

  protected render(result: Result): void {
    if ('presets' in result)
      for (const { name, description } of result.presets) this.log(`${name.padEnd(14)}${description}`);
    else for (const line of summaryLines(result)) this.log(line);
  }

  private async configuredModel(): Promise<ModelSpec> {
    const { flags } = await this.parse(ModelSummaryCommand);
    const { image, model, dataset } = await this.loadConfig({
      'model.preset': { value: flags.preset, flag: '--preset' },
      'image.width': { value: flags.width, flag: '--width' },
      'image.height': { value: flags.height, flag: '--height' },
      'image.channels': { value: flags.channels, flag: '--channels' },
    });
    const { layersOf } = await import('../../core/learning/presets.js');
    const found = await datasetIn(dataset);
    const asked = [flags.width, flags.height, flags.channels].some((side) => side !== undefined);
    // Training takes the shape of the data set, which may be older than the configuration.
    const { width, height, channels } = asked ? image : (found?.preprocessing ?? image);
    const classes = flags.classes ?? found?.classes.length;
    if (classes === undefined)
      throw new RobleError(
        'ROBLE_USAGE',
        `The number of classes is not known: there is no data set in ${dataset}.`,
        {
          expected: 'a data set, or the number',
          nextSteps: [
            'Pass --classes, such as --classes 10.',
            'Or import a data set first: roble data:import',
          ],
        },
      );
    return { input: { height, width, channels }, classes, layers: layersOf(model) };
  }
}

/** The manifest of the data set in a folder; undefined where there is none. */
async function datasetIn(folder: string): Promise<DatasetManifest | undefined> {
  const { openDataset } = await import('../../core/data/dataset/open.js');
  try {
    return (await openDataset(folder)).manifest;
  } catch (error) {
    if (error instanceof RobleError && error.code === 'ROBLE_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function bundledModel(folder: string): Promise<ModelSpec> {
  const { openBundle, trainedPartOf } = await import('../../core/model/bundle.js');
  return trainedPartOf(await openBundle(folder));
}
