import { Flags } from '@oclif/core';
import { RobleCommand } from '../base-command.js';
import type { Context } from '../core/context.js';
import type { TrainResult } from '../core/training/train.js';

export default class Train extends RobleCommand<TrainResult> {
  static override summary = 'Train a classifier and export its best epoch as a model bundle.';
  static override description =
    'Ctrl-C saves a checkpoint at the next step, exports the best epoch so far and ends with exit code 130 (143 for SIGTERM).';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dataset data/characters --epochs 6',
    '<%= config.bin %> <%= command.id %> --preset resnet-small --batch-size 128 --learning-rate 0.002',
  ];

  static override flags = {
    dataset: Flags.string({ description: 'Folder of the data set.' }),
    preset: Flags.string({ description: 'Architecture by name.' }),
    name: Flags.string({ description: 'Name of the model.' }),
    run: Flags.string({ description: 'Folder of this run; it must be new or empty.', exclusive: ['runs'] }),
    runs: Flags.string({ description: 'Folder in which the run gets the next number.' }),
    epochs: Flags.integer({ description: 'Passes over the training data.', min: 1 }),
    'batch-size': Flags.integer({ description: 'Images in a step.', min: 1 }),
    'learning-rate': Flags.string({ description: 'Largest learning rate of the schedule.' }),
    seed: Flags.integer({ description: 'Seed of all random numbers.', min: 0 }),
    threads: Flags.integer({ description: 'Threads of the engine; 0: one for each core.', min: 0 }),
    engine: Flags.string({ description: 'Training engine.' }),
    device: Flags.string({ description: 'Device, such as cpu.' }),
  };

  protected async execute(context: Context): Promise<TrainResult> {
    const { flags } = await this.parse(Train);
    const config = await this.loadConfig({
      dataset: { value: flags.dataset, flag: '--dataset' },
      name: { value: flags.name, flag: '--name' },
      runs: { value: flags.runs, flag: '--runs' },
      'model.preset': { value: flags.preset, flag: '--preset' },
      'train.epochs': { value: flags.epochs, flag: '--epochs' },
      'train.batchSize': { value: flags['batch-size'], flag: '--batch-size' },
      'train.learningRate': { value: numberFrom(flags['learning-rate']), flag: '--learning-rate' },
      'train.seed': { value: flags.seed, flag: '--seed' },
      'train.threads': { value: flags.threads, flag: '--threads' },
      'train.engine': { value: flags.engine, flag: '--engine' },
      'train.device': { value: flags.device, flag: '--device' },
    });
    const { trainModel } = await import('../index.js');
    const { name, dataset, model, runs, train } = config;
    return trainModel(
      { name, dataset, model, train, ...(flags.run ? { run: flags.run } : { runs }) },
      context,
    );
  }

  protected render({ stopped, run, epochs, best, bundle }: TrainResult): void {
    const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
    this.log(
      `${stopped === 'completed' ? 'Trained' : 'Interrupted after'} ${epochs} epoch${epochs === 1 ? '' : 's'}: ${run}`,
    );
    if (best)
      this.log(
        `Best epoch ${best.epoch}: valAccuracy ${percent(best.valAccuracy)}, balanced ${percent(best.valBalancedAccuracy)}, ` +
          `top-3 ${percent(best.valTop3Accuracy)}, valLoss ${best.valLoss.toFixed(4)}`,
      );
    if (bundle) this.log(`Model: ${bundle}`);
  }
}

/** A number as it was written; what is no number goes on as text, for the configuration's check to report. */
function numberFrom(text: string | undefined): number | string | undefined {
  return text === undefined || Number.isNaN(Number(text)) ? text : Number(text);
}
