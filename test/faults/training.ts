import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { decodeCheckpoint } from '../../src/core/training/checkpoints/checkpoint.js';
import type { TrainModelOptions } from '../../src/core/training/train.js';

const script = fileURLToPath(new URL('./run-training.js', import.meta.url));

/** See faulty-engine.js. */
export interface Fault {
  readonly on: 'step' | 'evaluate' | 'save';
  readonly at: number;
  readonly do: string;
  readonly until?: number;
  readonly marker?: string;
  readonly delayMs?: number;
  readonly file?: string;
}

export type Options = Omit<TrainModelOptions, 'train'> & { readonly train: Record<string, unknown> };

/** Starts training in a process of its own, in a process group of its own. */
export function startTraining(options: Options, faults: readonly Fault[] = []) {
  return execa(process.execPath, [script, JSON.stringify({ resume: false, options, faults })], spawning);
}

export function startResume(run: string, faults: readonly Fault[] = []) {
  const words = JSON.stringify({ resume: true, options: { run }, faults });
  return execa(process.execPath, [script, words], spawning);
}

const spawning = { reject: false, detached: true, all: true } as const;

/** What must not depend on what happened to the run: the state at the end, the model, the metrics. */
export async function resultOf(run: string, folder = join(run, 'checkpoints')) {
  const newest = (await readdir(folder))
    .filter((name) => /^step-.*\.safetensors$/.test(name))
    .sort()
    .at(-1)!;
  const { state } = decodeCheckpoint(await readFile(join(folder, newest)), newest);
  const hash = createHash('sha256');
  for (const [name, { data }] of Object.entries({ ...state.parameters, ...state.optimizer }))
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const { epochs } = JSON.parse(await readFile(join(run, 'history.json'), 'utf8'));
  return {
    step: state.step,
    state: hash.digest('hex'),
    model: createHash('sha256')
      .update(await readFile(join(run, 'model/model.onnx')))
      .digest('hex'),
    epochs: epochs.map(withoutTimes),
  };
}

function withoutTimes(record: Record<string, number>): Record<string, number> {
  const { trainSeconds: _t, evaluationSeconds: _e, imagesPerSecond: _i, ...rest } = record;
  return rest;
}

/** The names of the events of a run, in order. */
export async function eventsOf(run: string): Promise<{ event: string; cause?: string; detail?: string }[]> {
  return JSON.parse(await readFile(join(run, 'history.json'), 'utf8')).events;
}
