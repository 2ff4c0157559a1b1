import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { BatchSizeTest } from '../../core/learning/tuning/find-batch-size.js';
import { trainingFlags, trainingOverrides } from '../../flags/training.js';
import { numberFlag } from '../../flags/values.js';
import { batchSizeLines } from '../../ui/results/tuning.js';

export default class TrainBatchSize extends RobleCommand<BatchSizeTest> {
  static override summary = 'Find a good batch size: measure the throughput of several.';
  static override description =
    'The weights are thrown away, and nothing is written. Measure while the machine has nothing else to do.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dataset data/characters',
    '<%= config.bin %> <%= command.id %> --preset resnet-small --max 256 --json',
  ];
  static override flags = {
    ...trainingFlags,
    max: Flags.integer({ description: 'Largest size to try (1024).', min: 1 }),
    'max-step-seconds': numberFlag({
      description: 'Stop at the first size whose step takes longer than this (20).',
    }),
  };

  protected async execute(context: Context): Promise<BatchSizeTest> {
    const { flags } = await this.parse(TrainBatchSize);
    const loaded = await this.loadConfigWithOrigins(trainingOverrides(flags));
    const { findBatchSize } = await import('../../library.js');
    return findBatchSize(
      {
        dataset: loaded.config.dataset,
        model: loaded.chosenModel,
        train: loaded.config.train,
        max: flags.max,
        maxStepSeconds: flags['max-step-seconds'],
      },
      context,
    );
  }

  protected render(test: BatchSizeTest): void {
    for (const line of batchSizeLines(test)) this.log(line);
  }
}
