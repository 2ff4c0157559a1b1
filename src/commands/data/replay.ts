import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { RobleError } from '../../core/base/errors.js';
import type { SampleProvenance } from '../../core/data/dataset/format.js';
import { replayLines } from '../../ui/results/balance.js';

interface DataReplayResult {
  readonly samples: readonly {
    readonly sample: number;
    readonly label: string;
    readonly provenance: SampleProvenance;
  }[];
  readonly out?: string;
}

export default class DataReplay extends RobleCommand<DataReplayResult> {
  static override summary = 'Recreate copies of a balanced data set, explain them, and compare their hashes.';
  static override strict = false;
  static override args = {
    dataset: Args.string({ required: true, description: 'Folder of the data set.' }),
    samples: Args.string({ description: 'Positions of samples in train, counted from 0.' }),
  };
  static override flags = {
    out: Flags.string({
      helpValue: 'FILE',
      description: 'Write a PNG with each original beside its copy.',
    }),
  };
  static override examples = ['<%= config.bin %> <%= command.id %> data/balanced 700 701 --out copies.png'];

  protected async execute(context: Context): Promise<DataReplayResult> {
    const { argv, args, flags } = await this.parse(DataReplay);
    const positions = (argv as string[]).slice(1).map(positionOf);
    if (positions.length === 0)
      throw new RobleError('ROBLE_USAGE', 'No sample is named.', {
        expected: 'positions of samples in train, such as 700 701',
      });
    await this.loadConfig();
    const { contactSheet } = await import('../../core/image/contact-sheet.js');
    const { writeNewFile } = await import('../../core/base/storage/files.js');
    const { replaySamples } = await import('../../library.js');
    const { preprocessing, samples } = await replaySamples(
      { folder: args.dataset, samples: positions },
      context,
    );
    const { out } = flags;
    if (out !== undefined) {
      const pictures = samples.flatMap(({ original, copy }) => [original, copy]);
      await writeNewFile(out, await contactSheet(pictures, preprocessing, { columns: 2, zoom: 4 }));
    }
    return {
      samples: samples.map(({ sample, label, provenance }) => ({ sample, label, provenance })),
      ...(out !== undefined && { out }),
    };
  }

  protected render({ samples, out }: DataReplayResult): void {
    for (const sample of samples) for (const line of replayLines(sample)) this.log(line);
    if (out !== undefined) this.log(`Originals beside their copies: ${out}`);
  }
}

function positionOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new RobleError('ROBLE_USAGE', 'The position of a sample is not valid.', {
    received: text,
    expected: 'a whole number from 0',
  });
}
