import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { EXIT } from '../../core/base/errors.js';
import type { DatasetComparison } from '../../core/learning/compare/compare-datasets.js';
import { parseConditions } from '../../flags/settings.js';
import { trainingFlags, trainingOverrides } from '../../flags/training.js';
import { numberFlag } from '../../flags/values.js';
import { dataComparisonLines } from '../../ui/results/data-comparison.js';
import { terminalOptions } from '../../ui/terminal/style.js';

const { dataset: _eachNamesItsOwn, ...flagsOfAll } = trainingFlags;

export default class DataCompare extends RobleCommand<DatasetComparison> {
  static override summary = 'Train the same network on several data sets, and test whether one is better.';
  static override description =
    'Every run makes the same number of steps, and one validation set judges all models. After Ctrl-C or a crash, the same command continues with what is missing. The exit code is 4 when a bound is missed.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> <%= command.id %> plain=data/letters balanced=data/letters-balanced --steps 2000 --out runs/compare',
    '<%= config.bin %> <%= command.id %> hard=data/letters soft=data/letters --set soft.train.labelSmoothing=0.1 --steps 2000 --out runs/compare',
  ];

  static override args = {
    conditions: Args.string({
      description: 'Conditions as NAME=DATASET; the others are compared with the first one.',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    out: Flags.string({
      required: true,
      helpValue: 'DIR',
      description: 'Folder of the runs, DIR/NAME/seed-N.',
    }),
    steps: Flags.integer({ required: true, min: 1, description: 'Training steps of every run.' }),
    evaluations: Flags.integer({
      min: 1,
      description: 'How often a model is evaluated; the best of them counts (10).',
    }),
    seeds: Flags.integer({ min: 1, description: 'Runs of each condition, from --seed on (3).' }),
    validation: Flags.string({
      helpValue: 'DATASET',
      description: 'Data set whose validation split judges all models; otherwise the first one.',
    }),
    set: Flags.string({
      description: 'A setting of one condition.',
      helpValue: 'NAME.KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'fail-under': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME.METRIC=NUMBER',
      description: 'Bound that the mean of a metric must reach.',
    }),
    'batch-size': Flags.integer({ description: 'Images in a step.', min: 1 }),
    'learning-rate': numberFlag({ description: 'Largest learning rate of the schedule.' }),
    ...flagsOfAll,
  };

  protected async execute(context: Context): Promise<DatasetComparison> {
    const { argv, flags } = await this.parse(DataCompare);
    const conditions = parseConditions(argv as string[], flags.set ?? []);
    const loaded = await this.loadConfigWithOrigins({
      ...trainingOverrides(flags),
      'train.batchSize': { value: flags['batch-size'], flag: '--batch-size' },
      'train.learningRate': { value: flags['learning-rate'], flag: '--learning-rate' },
    });
    const { parseBound } = await import('../../core/learning/analysis/bounds.js');
    const { compareDatasets } = await import('../../library.js');
    const { out, steps, evaluations, seeds, validation } = flags;
    const result = await compareDatasets(
      {
        conditions,
        validation,
        out,
        steps,
        evaluations,
        seeds,
        model: loaded.chosenModel,
        train: loaded.config.train,
        bounds: (flags['fail-under'] ?? []).map((text) => parseBound(text, 'under')),
      },
      context,
    );
    if (result.bounds.some(({ met }) => !met)) this.exitCode = EXIT.data;
    return result;
  }

  protected render(result: DatasetComparison): void {
    for (const line of dataComparisonLines(result, terminalOptions(process.stdout, process.env)))
      this.log(line);
  }
}
