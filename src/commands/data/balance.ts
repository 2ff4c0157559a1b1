import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { RobleError } from '../../core/base/errors.js';
import type { BalancePreview } from '../../core/data/balance/balance.js';
import { parseSources, shardFlags, shardOf } from '../../flags/datasets.js';
import { augmentFlags } from '../../flags/images.js';
import type { BalanceResult } from '../../library.js';
import { balanceLines, planLines } from '../../ui/results/balance.js';

export default class DataBalance extends RobleCommand<BalanceResult | BalancePreview> {
  static override summary =
    'Make a balanced data set: originals, and augmented copies where a class has too few.';
  static override description =
    'Copies are made in train only, and no picture of validation or test is in train. The result does not depend on workers, shards, kills or resumes: the same command continues where an interrupted one stopped.';
  static override strict = false;
  static override args = {
    sources: Args.string({
      description: 'Data sets, such as data/real, or with weights data/real=70 data/synthetic=30.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    out: Flags.string({ helpValue: 'DIR', description: 'Folder to create.' }),
    name: Flags.string({ description: 'Name of the data set; otherwise that of the folder.' }),
    plan: Flags.boolean({ description: 'Print what would be made of each class, and write nothing.' }),
    target: Flags.string({
      aliases: ['target-per-class'],
      helpValue: 'TARGET',
      description:
        'Samples of each class in train: a number, max, median, mean, a quantile such as q75, or A=800,B=200 (max).',
    }),
    'max-copies': Flags.integer({ min: 0, description: 'Most copies of one original; 0: no limit.' }),
    'allow-missing': Flags.boolean({
      allowNo: true,
      description: 'Let a class stay below its target when --max-copies does not allow more.',
    }),
    above: Flags.option({
      options: ['trim', 'keep'] as const,
      description: 'What happens to a class that has more than its target (trim).',
    })(),
    below: Flags.option({
      options: ['copy', 'keep'] as const,
      description:
        'What happens to a class that has less than its target: copies, or it stays as it is (copy).',
    })(),
    ...augmentFlags,
    seed: Flags.integer({ min: 0, max: 0xffffffff, description: 'Seed of every random choice (0).' }),
    workers: Flags.integer({ min: 1, description: 'Threads; they do not change the result.' }),
    ...shardFlags,
    html: Flags.string({
      helpValue: 'FILE',
      description: 'Write a report as one page: the counts, and originals beside their copies.',
    }),
    restart: Flags.boolean({ description: 'Discard the unfinished work of another recipe.' }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters --target 800 --plan',
    '<%= config.bin %> <%= command.id %> data/letters --target 800 --canvas-style 0.3 --mixup 0.2 --out data/balanced',
    '<%= config.bin %> <%= command.id %> data/letters --target 1000 --below keep --out data/capped',
    '<%= config.bin %> <%= command.id %> data/real=70 data/synthetic=30 --target median --out data/balanced',
    '<%= config.bin %> <%= command.id %> data/letters --shard 0/3 --out data/shards',
  ];

  protected async execute(context: Context): Promise<BalanceResult | BalancePreview> {
    const { argv, flags } = await this.parse(DataBalance);
    const { parseTarget } = await import('../../core/data/balance/settings.js');
    const { balanceDataset, previewBalance } = await import('../../library.js');
    const words = argv as string[];
    const { balance } = await this.loadConfig({
      'balance.sources': { value: words.length > 0 ? parseSources(words) : undefined, flag: 'SOURCES' },
      'balance.target': { value: flags.target && parseTarget(flags.target), flag: '--target' },
      'balance.maxCopies': { value: flags['max-copies'], flag: '--max-copies' },
      'balance.allowMissing': { value: flags['allow-missing'], flag: '--allow-missing' },
      'balance.above': { value: flags.above, flag: '--above' },
      'balance.below': { value: flags.below, flag: '--below' },
      'balance.seed': { value: flags.seed, flag: '--seed' },
      'balance.augment.strategy': { value: flags.strategy, flag: '--strategy' },
      'balance.augment.canvasStyle': { value: flags['canvas-style'], flag: '--canvas-style' },
      'balance.augment.mixup': { value: flags.mixup, flag: '--mixup' },
    });
    if (flags.plan) return previewBalance(balance, context);
    const { out, name, workers, html, restart } = flags;
    if (out === undefined)
      throw new RobleError('ROBLE_USAGE', 'No folder is named for the data set.', {
        expected: '--out DIR, or --plan to write nothing',
      });
    const shard = shardOf(flags, process.env);
    return balanceDataset({ ...balance, out, name, workers, html, restart, shard }, context);
  }

  protected render(result: BalanceResult | BalancePreview): void {
    for (const line of 'out' in result ? balanceLines(result) : planLines(result)) this.log(line);
  }
}
