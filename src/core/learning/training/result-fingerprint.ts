import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { readHistory } from '../history/read-run.js';
import { type EpochRecord, RUN_FILES } from '../history/record.js';
import { BUNDLE_FILES } from '../../model/bundle.js';
import { sha256 } from '../../base/storage/durable.js';
import type { Checkpoint } from './checkpoints/checkpoint.js';
import { newestOf } from './checkpoints/store.js';
import { storesOf } from './checkpoints/writer.js';

/** What a run has come to, times aside: equal fingerprints mean equal bits. */
export interface ResultFingerprint {
  /** Updates that were made. */
  readonly step: number;
  /** SHA-256 over the weights, the running statistics and the optimizer's moments at the end. */
  readonly state: string;
  /** SHA-256 of the exported model. */
  readonly model: string;
  readonly epochs: readonly Partial<EpochRecord>[];
}

/** @throws {RobleError} `ROBLE_RUN_INVALID` when the folder holds no checkpoint */
export async function resultFingerprint(
  run: string,
  checkpoints = join(run, RUN_FILES.checkpoints),
): Promise<ResultFingerprint> {
  const stores = storesOf({ folder: checkpoints, fallback: undefined, keep: 1 });
  const { checkpoint } = await newestOf(stores, () => true);
  if (!checkpoint) throw new RobleError('ROBLE_RUN_INVALID', `${run} has no checkpoint.`);
  const { epochs } = await readHistory(run);
  return {
    step: checkpoint.state.step,
    state: hashState(checkpoint),
    model: sha256(await readFile(join(run, RUN_FILES.model, BUNDLE_FILES.model))),
    epochs: epochs.map(withoutTimes),
  };
}

function hashState({ state }: Checkpoint): string {
  const hash = createHash('sha256');
  for (const [name, { data }] of Object.entries({ ...state.parameters, ...state.optimizer }))
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

function withoutTimes(record: EpochRecord): Partial<EpochRecord> {
  const { trainSeconds: _train, evaluationSeconds: _evaluation, imagesPerSecond: _speed, ...rest } = record;
  return rest;
}
