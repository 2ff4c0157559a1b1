import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import { timesByCode } from '../../core/base/text/text.js';
import type { ImportResult, ImportSource } from '../../core/data/import-export/import.js';
import type { CommonLook } from '../../core/image/look.js';
import type { Preprocessing } from '../../core/image/settings.js';
import { parseRatios } from '../../flags/datasets.js';
import { imageFlags, imageOverrides } from '../../flags/images.js';
import { sourceFlags, sourceOptions } from '../../flags/sources.js';
import { formatSplits } from '../../ui/terminal/format.js';

/** Skipped samples that are shown; all are in the JSON output. */
const SHOWN = 10;

export default class DataImport extends RobleCommand<ImportResult> {
  static override summary = 'Turn pictures or pen strokes into a data set.';
  static override description =
    'Reads IDX files (MNIST), a folder for each class, CSV with images, imagefolder of Hugging Face (metadata.csv or .jsonl), stroke JSON lines, Parquet files of Hugging Face, and tar and zip archives of these. Every picture is converted to the configured shape. Samples that cannot be used are left out and reported.';
  static override strict = false;
  static override args = {
    path: Args.string({ description: 'Files, folders or archives to import; more than one are joined.' }),
  };
  static override flags = {
    out: Flags.string({ required: true, helpValue: 'DIR', description: 'Folder to create.' }),
    name: Flags.string({ description: 'Name of the data set; otherwise that of the folder.' }),
    train: Flags.string({ multiple: true, helpValue: 'PATH', description: 'Source of training samples.' }),
    val: Flags.string({ multiple: true, helpValue: 'PATH', description: 'Source of validation samples.' }),
    test: Flags.string({ multiple: true, helpValue: 'PATH', description: 'Source of test samples.' }),
    'from-feedback': Flags.string({
      helpValue: 'URL|FILE',
      description:
        'Prediction log of a server: import the pictures that got feedback, labelled with the classes it names.',
      exclusive: Object.keys(imageFlags),
    }),
    split: Flags.string({
      helpValue: 'SHARES',
      description:
        'Divide the samples, such as train=0.8,validation=0.2. Without it given splits are kept, and 0.8 and 0.2 used where there are none.',
    }),
    stratified: Flags.boolean({
      allowNo: true,
      description: 'Keep the shares within each class (the default).',
    }),
    'group-by': Flags.string({
      helpValue: 'FIELD',
      description: 'Column or stroke property whose samples stay in one split; none: no groups.',
    }),
    strict: Flags.boolean({ description: 'Stop at the first sample that cannot be used.' }),
    seed: Flags.integer({ min: 0, max: 0xffffffff, description: 'Seed of the division into splits.' }),
    workers: Flags.integer({
      min: 1,
      description: 'Threads that decode pictures (one for each core); they do not change the result.',
    }),
    ...sourceFlags,
    ...imageFlags,
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> photos --out data/letters --width 28 --height 28',
    '<%= config.bin %> <%= command.id %> mnist --out data/digits --classes 0-9',
    '<%= config.bin %> <%= command.id %> --from-feedback .roble/predictions.db --out data/feedback',
    '<%= config.bin %> <%= command.id %> --train a.csv --val b.csv --out data/pets',
  ];

  /** What pictures were converted to, where they were. */
  private image: Preprocessing | undefined;

  protected async execute(context: Context): Promise<ImportResult> {
    const { argv, flags } = await this.parse(DataImport);
    const config = await this.loadConfig(imageOverrides(flags));
    const { importFeedback } = await import('../../core/serving/predictions/import-feedback.js');
    const { importDataset } = await import('../../core/data/import-export/import.js');
    const given = (paths: string[] | undefined, split: NonNullable<ImportSource['split']>): ImportSource[] =>
      (paths ?? []).map((path) => ({ path, split }));
    const options = {
      ...(await sourceOptions(flags)),
      sources: [
        ...(argv as string[]).map((path) => ({ path })),
        ...given(flags.train, 'train'),
        ...given(flags.val, 'validation'),
        ...given(flags.test, 'test'),
      ],
      out: flags.out,
      name: flags.name,
      split: {
        ratios: flags.split === undefined ? undefined : parseRatios(flags.split),
        stratified: flags.stratified,
      },
      groupBy: flags['group-by'],
      strict: flags.strict,
      seed: flags.seed,
      workers: flags.workers,
    };
    const from = flags['from-feedback'];
    if (from !== undefined) return importFeedback({ ...options, from }, context);
    this.image = config.image;
    return importDataset({ ...options, preprocessing: config.image }, context);
  }

  protected render({ out, count, classes, splits, skipped, skippedByCode, originals }: ImportResult): void {
    this.log(
      `${out}: ${count.toLocaleString('en-US')} images of ${classes.length} classes (${formatSplits(splits)})`,
    );
    const lost = this.image && originals && lossText(originals, this.image);
    if (lost) this.log(lost);
    if (skipped.length === 0) return;
    this.log(`Left out: ${timesByCode(skippedByCode)}`);
    for (const { path, code, message } of skipped.slice(0, SHOWN))
      this.log(`  ${path}: ${message} [${code}]`);
    if (skipped.length > SHOWN) this.log(`  and ${skipped.length - SHOWN} more; --json lists all`);
  }
}

/** What the conversion threw away, and how to keep it; undefined where it was little. */
function lossText({ width, height, isColour }: CommonLook, image: Preprocessing): string | undefined {
  const isSmaller = width > 1.5 * image.width || height > 1.5 * image.height;
  const isGreyer = isColour && image.channels === 1;
  if (!isSmaller && !isGreyer) return undefined;
  const flags = [...(isSmaller ? ['--width', '--height'] : []), ...(isGreyer ? ['--channels 3'] : [])];
  return `Pictures of about ${width}x${height} pixels${isColour ? ' in colour' : ''} became ${image.width}x${image.height}${image.channels === 1 ? ' grey' : ''}; ${flags.join(', ')} keep${flags.length === 1 ? 's' : ''} more.`;
}
