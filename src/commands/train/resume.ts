import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { TrainResult } from '../../core/learning/training/run/folder.js';
import { parseSettings } from '../../flags/settings.js';
import { trainResultLines } from '../../ui/training/text.js';

export default class TrainResume extends RobleCommand<TrainResult> {
  static override summary = 'Resume a training run from the exact step of its newest good checkpoint.';
  static override description =
    'The final weights are bit for bit those of a run that was never interrupted. The settings are those that the run began with, not those of the configuration; some may be changed, the others are refused with the reason.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> runs/run-0003 --epochs 20',
    '<%= config.bin %> <%= command.id %> runs/run-0003 --set keepCheckpoints=5 --set retry.maxRetries=10',
  ];

  static override args = {
    run: Args.string({ description: 'Folder of the run; by default the newest one under --runs.' }),
  };

  static override flags = {
    runs: Flags.string({ description: 'Folder of the runs.' }),
    dataset: Flags.string({ description: 'Where the data set of the run is now.' }),
    epochs: Flags.integer({ description: 'Epochs of the whole run, which may be extended.', min: 1 }),
    set: Flags.string({
      description: 'Another setting of train, as KEY=VALUE.',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  };

  protected async execute(context: Context): Promise<TrainResult> {
    const { args, flags } = await this.parse(TrainResume);
    const { newestRun } = await import('../../core/learning/training/run/folder.js');
    const { resumeTraining } = await import('../../library.js');
    const config = await this.loadConfig({ runs: { value: flags.runs, flag: '--runs' } });
    const train = {
      ...parseSettings(flags.set ?? []),
      ...(flags.epochs !== undefined && { epochs: flags.epochs }),
    };
    return resumeTraining(
      { run: args.run ?? (await newestRun(config.runs)), dataset: flags.dataset, train },
      context,
    );
  }

  protected render(result: TrainResult): void {
    for (const line of trainResultLines(result)) this.log(line);
  }
}
