import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { TrainModelOptions } from '../../src/core/training/train.js';

const script = fileURLToPath(new URL('./run-training.js', import.meta.url));

/** See faulty-engine.js. */
export interface Fault {
  readonly on: 'step' | 'evaluate' | 'save';
  readonly at: number;
  readonly do: string;
  readonly until?: number;
  readonly marker?: string;
  /** Where checkpoints are, for `save`. */
  readonly folder?: string;
  readonly file?: string;
}

export type Options = Omit<TrainModelOptions, 'train'> & { readonly train: Record<string, unknown> };

/** Starts training in a process of its own, in a process group of its own. */
export function startTraining(
  options: Options,
  faults: readonly Fault[] = [],
  /** A program that starts the one that it is given, such as `prlimit`. */
  starter: readonly string[] = [],
) {
  const words = JSON.stringify({ resume: false, options, faults });
  const [program, ...rest] = [...starter, process.execPath, script, words];
  return execa(program!, rest, spawning);
}

export function startResume(run: string, faults: readonly Fault[] = []) {
  const words = JSON.stringify({ resume: true, options: { run }, faults });
  return execa(process.execPath, [script, words], spawning);
}

const spawning = { reject: false, detached: true, all: true } as const;

/** The names of the events of a run, in order. */
export async function eventsOf(
  run: string,
): Promise<{ event: string; cause?: string; detail?: string; microbatchSize?: number }[]> {
  return JSON.parse(await readFile(join(run, 'history.json'), 'utf8')).events;
}
