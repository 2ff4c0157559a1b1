import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { QuantizeResult } from '../../core/learning/quantization/quantize.js';
import { numberFlag } from '../../flags/values.js';
import { quantizationLines } from '../../ui/results/quantization.js';

export default class ModelQuantize extends RobleCommand<QuantizeResult> {
  static override summary = 'Make a smaller and quicker model of a bundle, with 8-bit integers.';
  static override description =
    'By default of the model of the newest run. The ranges of its values are found on pictures of the training split; both ' +
    'models are judged on the validation split, or else the test split. Where the accuracy falls by more than --max-drop, ' +
    'nothing is written and the exit code is 4.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> runs/run-0001/model --dataset data/letters --out models/letters-int8',
    '<%= config.bin %> <%= command.id %> runs/run-0001/model --max-drop 0.001 --samples 5000 --json',
  ];
  static override args = {
    bundle: Args.string({ description: 'Folder of a model bundle.', ignoreStdin: true }),
  };
  static override flags = {
    dataset: Flags.string({ description: 'Folder of a data set of the same classes and preprocessing.' }),
    out: Flags.string({
      helpValue: 'DIR',
      description: 'Folder to create; otherwise that of the bundle with "-int8" at its end.',
    }),
    'max-drop': numberFlag({
      helpValue: 'SHARE',
      description: 'By how much the accuracy may fall (0.005: half a point).',
    }),
    samples: Flags.integer({
      min: 1,
      description: 'Pictures of the training split by which ranges are found (1000).',
    }),
    seed: Flags.integer({ min: 0, description: 'Of the choice of those pictures (0).' }),
  };

  protected async execute(context: Context): Promise<QuantizeResult> {
    const { args, flags } = await this.parse(ModelQuantize);
    const { dataset, runs } = await this.loadConfig({
      dataset: { value: flags.dataset, flag: '--dataset' },
    });
    const { findNewestBundle } = await import('../../core/model/bundle.js');
    const bundle = args.bundle ?? (await findNewestBundle(runs));
    const { quantizeModel } = await import('../../library.js');
    return quantizeModel(
      {
        bundle,
        dataset,
        out: flags.out ?? `${bundle.replace(/[/\\]+$/, '')}-int8`,
        maxDrop: flags['max-drop'],
        samples: flags.samples,
        seed: flags.seed,
      },
      context,
    );
  }

  protected render(result: QuantizeResult): void {
    for (const line of quantizationLines(result)) this.log(line);
  }
}
