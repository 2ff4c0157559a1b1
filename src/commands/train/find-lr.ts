import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { LearningRateTest } from '../../core/learning/tuning/find-learning-rate.js';
import { trainingFlags, trainingOverrides } from '../../flags/training.js';
import { numberFlag } from '../../flags/values.js';
import { learningRateLines } from '../../ui/results/tuning.js';
import { hasColors } from '../../ui/terminal/style.js';

export default class TrainFindLr extends RobleCommand<LearningRateTest> {
  static override summary = 'Find a good learning rate: try a growing one for a few steps.';
  static override description =
    'Everything but the schedule is as in "train". The weights are thrown away, and nothing is written.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dataset data/characters',
    '<%= config.bin %> <%= command.id %> --preset resnet-small --from-rate 1e-5 --to-rate 0.3 --steps 200 --json',
  ];
  static override flags = {
    ...trainingFlags,
    'batch-size': Flags.integer({ description: 'Images in a step.', min: 1 }),
    'from-rate': numberFlag({ description: 'Learning rate of the first step (1e-6).' }),
    'to-rate': numberFlag({ description: 'Learning rate of the last step, if it comes to that (1).' }),
    steps: Flags.integer({ description: 'Steps from the first rate to the last one (100).', min: 10 }),
  };

  protected async execute(context: Context): Promise<LearningRateTest> {
    const { flags } = await this.parse(TrainFindLr);
    const loaded = await this.loadConfigWithOrigins({
      ...trainingOverrides(flags),
      'train.batchSize': { value: flags['batch-size'], flag: '--batch-size' },
    });
    const { findLearningRate } = await import('../../library.js');
    return findLearningRate(
      {
        dataset: loaded.config.dataset,
        model: loaded.chosenModel,
        train: loaded.config.train,
        fromRate: flags['from-rate'],
        toRate: flags['to-rate'],
        steps: flags.steps,
      },
      context,
    );
  }

  protected render(test: LearningRateTest): void {
    const width = Math.min(process.stdout.columns ?? 80, 100);
    for (const line of learningRateLines(test, { width, color: hasColors(process.stdout, process.env) }))
      this.log(line);
  }
}
