import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { RobleError } from '../../core/base/errors.js';
import type { MergeResult } from '../../core/data/balance/merge.js';
import { formatSplits } from '../../ui/terminal/format.js';

export default class DataMerge extends RobleCommand<MergeResult> {
  static override summary = 'Join the shards that "data:balance --shard" made to one data set.';
  static override description =
    'Every byte is checked. The result is the very data set that one run without shards writes.';
  static override strict = false;
  static override args = {
    shards: Args.string({
      description: 'Folders of shards, or one that holds them all.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    out: Flags.string({ required: true, helpValue: 'DIR', description: 'Folder to create.' }),
    name: Flags.string({ description: 'Name of the data set; otherwise that of the folder.' }),
  };
  static override examples = ['<%= config.bin %> <%= command.id %> data/shards --out data/balanced'];

  protected async execute(context: Context): Promise<MergeResult> {
    const { argv, flags } = await this.parse(DataMerge);
    if (argv.length === 0)
      throw new RobleError('ROBLE_USAGE', 'There is no shard to join.', {
        expected: 'SHARDS: folders of shards, or one that holds them all',
      });
    const { mergeShards } = await import('../../core/data/balance/merge.js');
    return mergeShards({ shards: argv as string[], out: flags.out, name: flags.name }, context);
  }

  protected render({ out, shards, splits, fingerprint }: MergeResult): void {
    this.log(`${out}: ${shards} shards joined (${formatSplits(splits)})`);
    this.log(`fingerprint ${fingerprint}`);
  }
}
