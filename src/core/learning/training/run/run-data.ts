import { type Dataset, openDataset } from '../../../data/dataset/open.js';
import { checkSameForm } from '../../../data/dataset/same-form.js';
import { sha256 } from '../../../base/storage/durable.js';
import type { RunRequest } from './messages.js';

/** The data sets of a run, not loaded yet. */
export interface RunData {
  /** Its split `train` is trained on. */
  readonly dataset: Dataset;
  /** Its split `validation` judges the model; often the same data set. */
  readonly validation: Dataset;
  /** Names the content of both. */
  readonly fingerprint: string;
}

/** @throws {RobleError} those of `openDataset`, and `ROBLE_DATASETS_DIFFER` */
export async function openRunData(request: Pick<RunRequest, 'dataset' | 'validation'>): Promise<RunData> {
  const dataset = await openDataset(request.dataset);
  const validation = request.validation === undefined ? dataset : await openDataset(request.validation);
  checkSameForm(dataset, [validation]);
  const own = dataset.manifest.fingerprint;
  const other = validation.manifest.fingerprint;
  return { dataset, validation, fingerprint: own === other ? own : sha256(`${own} ${other}`) };
}
