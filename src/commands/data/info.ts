import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { formatCount } from '../../core/base/text/text.js';
import { SPLITS, type SplitName } from '../../core/data/dataset/format.js';
import type { DatasetDescription } from '../../core/data/dataset/info.js';
import { formatSplits, numeric, tableLines } from '../../ui/terminal/format.js';

/** Classes whose pictures are shown in the terminal. */
const SHOWN_CLASSES = 10;

export default class DataInfo extends RobleCommand<DatasetDescription & { png?: string }> {
  static override summary = 'Show what a data set holds, with some of its pictures.';
  static override args = { dataset: Args.string({ description: 'Folder of the data set.' }) };
  static override flags = {
    png: Flags.string({ helpValue: 'FILE', description: 'Write a contact sheet, one row a class.' }),
    split: Flags.option({ options: SPLITS, description: 'Split to show pictures of.' })(),
    'per-class': Flags.integer({
      min: 1,
      max: 1000,
      description: 'Pictures of each class on the sheet (10).',
    }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters',
    '<%= config.bin %> <%= command.id %> data/letters --png sheet.png --per-class 20',
  ];

  private picture = '';

  protected async execute(_context: Context): Promise<DatasetDescription & { png?: string }> {
    const { args, flags } = await this.parse(DataInfo);
    const config = await this.loadConfig({ dataset: { value: args.dataset, flag: 'DATASET' } });
    const { describeDataset } = await import('../../core/data/dataset/info.js');
    const info = await describeDataset(config.dataset);
    const split = flags.split ?? SPLITS.find((name) => info.splits[name] !== undefined)!;
    if (!this.jsonEnabled()) this.picture = await this.draw(info, split);
    if (flags.png === undefined) return info;
    await this.writeSheet(info, split, flags.png, flags['per-class'] ?? 10);
    return { ...info, png: flags.png };
  }

  protected render(info: DatasetDescription & { png?: string }): void {
    const { width, height, channels } = info.preprocessing;
    this.log(`${info.name}: ${info.count.toLocaleString('en-US')} images of ${info.classes.length} classes`);
    this.log(`${width}x${height}, ${channels === 1 ? 'grey' : 'colour'} · ${formatSplits(info.splits)}`);
    this.log(`fingerprint ${info.fingerprint}\n`);
    const splits = SPLITS.filter((split) => info.splits[split] !== undefined);
    const columns = [{ title: 'class' }, ...splits.map(numeric)];
    const rows = info.classes.map((row) => [
      row.name,
      ...splits.map((split) => formatCount(row[split] ?? 0)),
    ]);
    for (const line of tableLines(columns, rows)) this.log(line);
    this.log(`\n${this.picture}`);
    if (info.png) this.log(`\nContact sheet: ${info.png}`);
  }

  /** One picture of each of the first classes, in the terminal. */
  private async draw({ folder, preprocessing }: DatasetDescription, split: SplitName): Promise<string> {
    const { sampleImages } = await import('../../core/data/dataset/info.js');
    const { pictureRows, picturesInRow } = await import('../../ui/terminal/picture.js');
    const pictures = (await sampleImages(folder, split, 1)).slice(0, SHOWN_CLASSES);
    const room = picturesInRow(preprocessing.width, process.stdout);
    const inRow = Math.max(1, Math.min(SHOWN_CLASSES, room));
    return pictureRows(pictures, preprocessing, inRow, process.stdout, process.env);
  }

  private async writeSheet(
    info: DatasetDescription,
    split: SplitName,
    file: string,
    perClass: number,
  ): Promise<void> {
    const { sampleImages } = await import('../../core/data/dataset/info.js');
    const { contactSheet } = await import('../../core/image/contact-sheet.js');
    const { writeNewFile } = await import('../../core/base/storage/files.js');
    const pictures = await sampleImages(info.folder, split, perClass);
    const png = await contactSheet(pictures, info.preprocessing, { columns: perClass, zoom: 2 });
    await writeNewFile(file, png);
  }
}
