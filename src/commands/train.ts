import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/base/context.js';
import { STRATEGY_NAMES } from '../core/data/augment/settings.js';
import type { TrainResult } from '../core/learning/training/run/folder.js';
import { trainingFlags, trainingOverrides } from '../flags/training.js';
import { numberFlag } from '../flags/values.js';
import { trainResultLines } from '../ui/training/text.js';

export default class Train extends RobleCommand<TrainResult> {
  static override summary = 'Train a classifier and export its best epoch as a model bundle.';
  static override description =
    'Ctrl-C saves a checkpoint at the next step, exports the best epoch so far and ends with exit code 130 (143 for SIGTERM, SIGUSR1 and SIGHUP); a second one ends it at once. "roble train:resume" goes on from there, and after any crash.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dataset data/characters --epochs 6',
    '<%= config.bin %> <%= command.id %> --preset resnet-small --batch-size 128 --learning-rate 0.002',
    '<%= config.bin %> <%= command.id %> --augment medium --canvas-style 0.3',
    '<%= config.bin %> <%= command.id %> --from runs/run-0001/model --freeze "conv*" --epochs 3',
    '<%= config.bin %> <%= command.id %> --run runs/nightly --auto-resume',
  ];

  static override flags = {
    ...trainingFlags,
    epochs: Flags.integer({ description: 'Passes over the training data.', min: 1 }),
    'batch-size': Flags.integer({ description: 'Images in a step.', min: 1 }),
    'learning-rate': numberFlag({ description: 'Largest learning rate of the schedule.' }),
    augment: Flags.option({
      options: STRATEGY_NAMES,
      description: 'Augment the training pictures, differently in each epoch.',
    })(),
    'canvas-style': numberFlag({
      helpValue: 'SHARE',
      description: 'Share of the training pictures that are redrawn as on a browser canvas.',
    }),
    freeze: Flags.string({
      description: 'Layer that is not trained, by name; "conv*" means all whose names begin with conv.',
      helpValue: 'LAYER',
      multiple: true,
      multipleNonGreedy: true,
    }),
    name: Flags.string({ description: 'Name of the model.' }),
    run: Flags.string({ description: 'Folder of this run; it must be new or empty.', exclusive: ['runs'] }),
    runs: Flags.string({ description: 'Folder in which the run gets the next number.' }),
    'auto-resume': Flags.boolean({
      description: 'Go on with the run that is in --run, where there is one: for jobs that are requeued.',
      dependsOn: ['run'],
    }),
  };

  protected async execute(context: Context): Promise<TrainResult> {
    const { flags } = await this.parse(Train);
    const loaded = await this.loadConfigWithOrigins({
      ...trainingOverrides(flags),
      name: { value: flags.name, flag: '--name' },
      runs: { value: flags.runs, flag: '--runs' },
      'train.epochs': { value: flags.epochs, flag: '--epochs' },
      'train.batchSize': { value: flags['batch-size'], flag: '--batch-size' },
      'train.learningRate': { value: flags['learning-rate'], flag: '--learning-rate' },
      'train.augment.strategy': { value: flags.augment, flag: '--augment' },
      'train.augment.canvasStyle': { value: flags['canvas-style'], flag: '--canvas-style' },
      'train.frozen': { value: flags.freeze, flag: '--freeze' },
    });
    const { trainModel } = await import('../library.js');
    const { name, dataset, runs, train } = loaded.config;
    const folder = flags.run ? { run: flags.run, autoResume: flags['auto-resume'] } : { runs };
    return trainModel({ name, dataset, model: loaded.chosenModel, train, ...folder }, context);
  }

  protected render(result: TrainResult): void {
    for (const line of trainResultLines(result)) this.log(line);
  }
}
