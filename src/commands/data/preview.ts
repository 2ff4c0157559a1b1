import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { Preview, PreviewRow } from '../../core/data/augment/preview.js';
import { SPLITS } from '../../core/data/dataset/format.js';
import { augmentFlags } from '../../flags/images.js';

interface DataPreviewResult {
  readonly rows: readonly PreviewRow[];
  readonly out?: string;
}

export default class DataPreview extends RobleCommand<DataPreviewResult> {
  static override summary =
    'Show pictures of a data set beside the copies that an augmentation makes of them.';
  static override args = { dataset: Args.string({ description: 'Folder of the data set.' }) };
  static override flags = {
    ...augmentFlags,
    augmenter: Flags.string({
      exclusive: ['strategy'],
      helpValue: 'NAME',
      description: 'Show one augmenter alone, on every copy.',
    }),
    classes: Flags.integer({ min: 1, description: 'Classes to show, evenly spread over all (6).' }),
    copies: Flags.integer({ min: 1, description: 'Copies of each picture (7).' }),
    split: Flags.option({ options: SPLITS, description: 'Split to show pictures of (train).' })(),
    seed: Flags.integer({ min: 0, max: 0xffffffff, description: 'Seed of everything that is drawn (0).' }),
    out: Flags.string({
      helpValue: 'FILE',
      description: 'Write a PNG instead of showing it in the terminal.',
    }),
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/letters --strategy aggressive --out preview.png',
    '<%= config.bin %> <%= command.id %> data/letters --augmenter canvas-style',
  ];

  private picture = '';

  protected async execute(context: Context): Promise<DataPreviewResult> {
    const { args, flags } = await this.parse(DataPreview);
    const config = await this.loadConfig({ dataset: { value: args.dataset, flag: 'DATASET' } });
    const { previewCopies } = await import('../../library.js');
    const wanted = {
      folder: config.dataset,
      strategy:
        flags.augmenter === undefined
          ? (flags.strategy ?? 'medium')
          : [{ augmenter: flags.augmenter, probability: 1, parameters: {} }],
      canvasStyle: flags['canvas-style'],
      mixup: flags.mixup,
      classes: flags.classes,
      copies: flags.copies,
      split: flags.split,
      seed: flags.seed,
    };
    const preview = await previewCopies(wanted, context);
    if (flags.out !== undefined) await this.writeSheet(preview, flags.out);
    else if (!this.jsonEnabled()) this.picture = await this.draw(preview);
    return { rows: preview.rows, ...(flags.out !== undefined && { out: flags.out }) };
  }

  protected render({ rows, out }: DataPreviewResult): void {
    this.log(`Each row: a picture, then its copies. Classes: ${rows.map(({ label }) => label).join(' ')}`);
    this.log(out === undefined ? `\n${this.picture}` : `Contact sheet: ${out}`);
  }

  /** As many copies as there is room for in the terminal. */
  private async draw({ pictures, columns, preprocessing }: Preview): Promise<string> {
    const { pictureRows, picturesInRow } = await import('../../ui/terminal/picture.js');
    const room = Math.max(2, picturesInRow(preprocessing.width, process.stdout));
    const shown = pictures.filter((_, i) => i % columns < room);
    return pictureRows(shown, preprocessing, Math.min(room, columns), process.stdout, process.env);
  }

  private async writeSheet({ pictures, columns, preprocessing }: Preview, file: string): Promise<void> {
    const { contactSheet } = await import('../../core/image/contact-sheet.js');
    const { writeNewFile } = await import('../../core/base/storage/files.js');
    await writeNewFile(file, await contactSheet(pictures, preprocessing, { columns, zoom: 2 }));
  }
}
