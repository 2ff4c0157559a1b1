import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { countOf } from '../../core/base/text/text.js';
import { SPLITS } from '../../core/data/dataset/format.js';
import type { ExportResult } from '../../core/data/import-export/export.js';
import { formatSplits } from '../../ui/terminal/format.js';

export default class DataExport extends RobleCommand<ExportResult> {
  static override summary = 'Write a data set in a format that other tools read.';
  static override description =
    'folder: PNG files in a folder for each class (ImageFolder). idx: the files of MNIST. parquet: as on Hugging Face. Each keeps the order of the classes, and data:import reads it back to the same pixels.';
  static override args = { dataset: Args.string({ description: 'Folder of the data set.' }) };
  static override flags = {
    format: Flags.option({
      options: ['folder', 'idx', 'parquet'] as const,
      required: true,
      description: 'Format to write.',
    })(),
    out: Flags.string({ required: true, helpValue: 'DIR', description: 'Folder to create.' }),
    split: Flags.option({
      options: SPLITS,
      multiple: true,
      multipleNonGreedy: true,
      description: 'Split to write; otherwise all.',
    })(),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters --format parquet --out letters-parquet',
    '<%= config.bin %> <%= command.id %> data/letters --format folder --split test --out letters-test',
  ];

  protected async execute(context: Context): Promise<ExportResult> {
    const { args, flags } = await this.parse(DataExport);
    const config = await this.loadConfig({ dataset: { value: args.dataset, flag: 'DATASET' } });
    const { exportDataset } = await import('../../core/data/import-export/export.js');
    const { format, out, split: splits } = flags;
    return exportDataset({ dataset: config.dataset, format, out, splits }, context);
  }

  protected render({ out, format, classes, count, splits }: ExportResult): void {
    this.log(
      `${out}: ${countOf(count, 'image')} of ${classes} classes (${formatSplits(splits)}), as ${format}`,
    );
  }
}
