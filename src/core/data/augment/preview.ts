import { spreadIndices } from '../../base/collections.js';
import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { type Preprocessing, paperValue } from '../../image/settings.js';
import type { ImageView } from '../../plugin/contracts.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { Operation, SplitName } from '../dataset/format.js';
import { type OpenSplit, openDataset, viewOf } from '../dataset/open.js';
import { type AugmentPipeline, loadPipeline, type PipelineOptions, sampleKeyOf } from './pipeline.js';
import type { Strategy } from './settings.js';

export interface PreviewOptions extends PipelineOptions {
  /** Folder of the data set. */
  readonly folder: string;
  readonly strategy: Strategy;
  /** Classes to show, evenly spread over all; default 6. */
  readonly classes?: number | undefined;
  /** Copies of one picture of each class; default 7. */
  readonly copies?: number | undefined;
  /** Default `train`. */
  readonly split?: SplitName | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
}

export interface PreviewRow {
  readonly label: string;
  /** The index of the picture in its split. */
  readonly sample: number;
  /** What was applied to each copy. */
  readonly copies: readonly (readonly Operation[])[];
}

export interface Preview {
  readonly preprocessing: Preprocessing;
  /** Pictures in a row: the original, then its copies. */
  readonly columns: number;
  readonly rows: readonly PreviewRow[];
  /** uint8, [height, width, channels] each, row by row. */
  readonly pictures: readonly Uint8Array[];
}

/**
 * Pictures of a data set beside copies that a strategy makes of them.
 *
 * @throws {RobleError} `ROBLE_USAGE` for steps that need strokes where there are none, those of {@link loadPipeline} and of
 *   opening and loading the data set
 */
export async function previewCopies(
  options: PreviewOptions,
  { registry }: { readonly registry: PluginRegistry },
): Promise<Preview> {
  const { folder, strategy, classes = 6, copies = 7, split = 'train', seed = 0 } = options;
  const dataset = await openDataset(folder);
  const { manifest } = dataset;
  const background = options.background ?? paperValue(manifest.preprocessing);
  const pipeline = await loadPipeline(registry, strategy, { ...options, background });
  const loaded = await dataset.open(split);
  refuseNoStrokes(pipeline, strategy, loaded, folder);
  const view = (sample: number) => viewOf(loaded, manifest.preprocessing, sample);
  const rows: PreviewRow[] = [];
  const pictures: Uint8Array[] = [];
  for (const chosen of spreadIndices(manifest.classes.length, classes)) {
    const [sample, next = sample] = firstTwo(loaded.labels, chosen);
    if (sample === undefined) continue;
    const label = manifest.classes[chosen]!;
    const made = copiesOf(pipeline, view(sample), view(next!), label, copies, seed);
    rows.push({ label, sample, copies: made.map(({ operations }) => operations) });
    pictures.push(view(sample).data, ...made.map(({ data }) => data));
  }
  return { preprocessing: manifest.preprocessing, columns: copies + 1, rows, pictures };
}

/** A named strategy does without steps that need strokes; steps that a user lists must not be left out in silence. */
function refuseNoStrokes(
  { needsStrokes }: AugmentPipeline,
  strategy: Strategy,
  { strokes }: OpenSplit,
  folder: string,
): void {
  if (typeof strategy === 'string' || !needsStrokes || strokes) return;
  throw new RobleError('ROBLE_USAGE', `${folder} has no strokes that could be redrawn.`, {
    received: 'pictures alone',
    expected: 'a data set of strokes',
    nextSteps: [
      'Import stroke JSON lines, draw characters with "roble data:synth", or leave the steps that need strokes out.',
      'A data set that was written before strokes were kept has to be made again.',
    ],
  });
}

function copiesOf(
  pipeline: AugmentPipeline,
  source: ImageView,
  mixed: ImageView,
  label: string,
  copies: number,
  seed: number,
): { data: Uint8Array; operations: readonly Operation[] }[] {
  const sample = sampleKeyOf(sha256(source.data));
  return Array.from({ length: copies }, (_, copy) => {
    const { data, operations } = pipeline.apply(source, { seed, sample, copy }, label, mixed);
    return { data: data.slice(), operations };
  });
}

/** The first two samples of a class. */
function firstTwo(labels: Uint16Array, label: number): number[] {
  const first = labels.indexOf(label);
  if (first < 0) return [];
  const second = labels.indexOf(label, first + 1);
  return second < 0 ? [first] : [first, second];
}
