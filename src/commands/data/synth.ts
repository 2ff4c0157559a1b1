import * as Flags from '@oclif/core/flags';
import { RobleCommand } from '../../base-command.js';
import type { Context } from '../../core/base/context.js';
import type { SynthesizeResult } from '../../core/data/dataset/synthesize.js';
import { parseRatios } from '../../flags/datasets.js';
import { imageFlags, imageOverrides } from '../../flags/images.js';
import { formatSplits } from '../../ui/terminal/format.js';

export default class DataSynth extends RobleCommand<SynthesizeResult> {
  static override summary = 'Draw a data set of characters, as if by hand on a canvas.';
  static override flags = {
    characters: Flags.string({
      required: true,
      helpValue: 'LIST',
      description: 'Characters to draw: abc, 0-9a-z, U+0021..U+007E, or several of these with commas.',
    }),
    'per-class': Flags.integer({
      required: true,
      min: 1,
      helpValue: 'N',
      description: 'Images of each character.',
    }),
    out: Flags.string({ required: true, helpValue: 'DIR', description: 'Folder to create.' }),
    name: Flags.string({ description: 'Name of the data set; otherwise that of the folder.' }),
    split: Flags.string({
      helpValue: 'SHARES',
      description: 'Shares of the splits; train=0.8,validation=0.2 if not given.',
    }),
    writers: Flags.integer({ min: 1, description: 'Invented writers; one is never in two splits.' }),
    seed: Flags.integer({ min: 0, max: 0xffffffff, description: 'Seed of everything that is drawn.' }),
    ...imageFlags,
  };
  static override examples = [
    '<%= config.bin %> <%= command.id %> --characters 0-9 --per-class 200 --out data/digits',
  ];

  protected async execute(context: Context): Promise<SynthesizeResult> {
    const { flags } = await this.parse(DataSynth);
    const config = await this.loadConfig(imageOverrides(flags));
    const { parseCharacters } = await import('../../core/data/dataset/class-names.js');
    const { synthesizeDataset } = await import('../../core/data/dataset/synthesize.js');
    return synthesizeDataset(
      {
        characters: parseCharacters(flags.characters),
        perClass: flags['per-class'],
        out: flags.out,
        name: flags.name,
        preprocessing: config.image,
        seed: flags.seed,
        ratios: flags.split === undefined ? undefined : parseRatios(flags.split),
        writers: flags.writers,
      },
      context,
    );
  }

  protected render({ out, count, classes, splits, writers }: SynthesizeResult): void {
    this.log(
      `${out}: ${count.toLocaleString('en-US')} images of ${classes.length} characters by ${writers} invented writers (${formatSplits(splits)})`,
    );
  }
}
