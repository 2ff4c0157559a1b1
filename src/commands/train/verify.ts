import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import { countOf } from '../../core/base/text/text.js';
import type { VerifyResult } from '../../core/learning/training/verify.js';
import { trainingFlags, trainingOverrides } from '../../flags/training.js';

export default class TrainVerify extends RobleCommand<VerifyResult> {
  static override summary = 'Prove on your own project that killing the training process changes nothing.';
  static override description =
    'Trains for a few steps, then again while the training process is killed at random moments; both must end with the same weights, bit for bit. Nothing is kept. The exit code is 1 when they differ.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dataset data/characters',
    '<%= config.bin %> <%= command.id %> --kills 20 --steps 200',
  ];

  static override flags = {
    ...trainingFlags,
    kills: Flags.integer({ description: 'How often the training process is killed (5).', min: 1 }),
    steps: Flags.integer({ description: 'Steps of each of the two epochs (40).', min: 1 }),
  };

  protected async execute(context: Context): Promise<VerifyResult> {
    const { flags } = await this.parse(TrainVerify);
    const loaded = await this.loadConfigWithOrigins(trainingOverrides(flags));
    const { verifyTraining } = await import('../../library.js');
    const { dataset, train } = loaded.config;
    const { kills, steps } = flags;
    const result = await verifyTraining({ dataset, model: loaded.chosenModel, train, kills, steps }, context);
    if (!result.same) this.exitCode = EXIT.bug;
    return result;
  }

  protected render({ same, kills, undisturbed, killed }: VerifyResult): void {
    this.log(`undisturbed          weights ${undisturbed.state}`);
    this.log(`killed ${countOf(kills, 'time').padEnd(13)} weights ${killed.state}`);
    this.log(
      same
        ? 'The same bits: weights, optimizer, model and metrics.'
        : 'They differ. Please report this, with the settings and the data set.',
    );
  }
}
