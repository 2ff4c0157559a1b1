/** Trains on engines with faults: here, or as a program of its own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { TrainModelOptions } from '../../src/core/learning/training/train.js';
import { createRegistry, resumeTraining, trainModel } from '../../src/index.js';

/** What strikes the training process alone. */
export type OwnFault =
  | 'kill'
  | 'abort'
  | 'hang'
  | 'error'
  | 'out-of-memory'
  | 'bad-alloc'
  | 'terminate-self'
  | 'nan'
  | 'fill'
  | 'free';
/** What strikes the process that watches over it too. */
export type ParentFault =
  | 'kill-all'
  | 'SIGINT'
  | 'SIGTERM'
  | 'SIGUSR1'
  | 'SIGHUP'
  | 'SIGTERM-then-error'
  | 'SIGTERM-twice';

/** See faulty-engine.js. */
export interface Fault<Do extends string = OwnFault | ParentFault> {
  readonly on: 'step' | 'evaluate' | 'save';
  readonly at: number;
  readonly do: Do;
  readonly until?: number;
  readonly marker?: string;
  readonly after?: string;
  /** Where checkpoints are, for `save`. */
  readonly folder?: string;
  readonly file?: string;
}

export type Options = Omit<TrainModelOptions, 'train'> & { readonly train: Record<string, unknown> };

const script = fileURLToPath(new URL('./run-training.js', import.meta.url));
const spawning = { reject: false, detached: true, all: true } as const;

/** The engines `faulty` and `faulty-tfjs`, as entries of a registry. */
function enginesWith(faults: readonly Fault[]) {
  const address = new URL('./faulty-engine.js', import.meta.url);
  address.searchParams.set('faults', JSON.stringify(faults));
  return ['onnx', 'tfjs'].map((engine) => {
    address.searchParams.set('engine', engine);
    const name = engine === 'onnx' ? 'faulty' : `faulty-${engine}`;
    return { name, apiVersion: 1, kind: 'training-engine', module: address.href } as const;
  });
}

/** Starts training in a program of its own, in a process group of its own. */
export function startTraining(
  options: Options,
  faults: readonly Fault[] = [],
  /** A program that starts the one that it is given, such as `prlimit`. */
  starter: readonly string[] = [],
) {
  const words = JSON.stringify({ options, plugins: enginesWith(faults) });
  const [program, ...rest] = [...starter, process.execPath, script, words];
  return execa(program!, rest, spawning);
}

/** Trains from this process, so that only the training process is another one. */
export function trainHere(options: Options, faults: readonly Fault<OwnFault>[] = []) {
  return trainModel(options as TrainModelOptions, registryWith(faults));
}

/** Goes on with a run from this process, undisturbed. */
export function resumeHere(run: string) {
  return resumeTraining({ run }, registryWith([]));
}

function registryWith(faults: readonly Fault[]) {
  const registry = createRegistry();
  for (const engine of enginesWith(faults)) registry.register(engine);
  return { registry };
}

/** The events of a run, in order. */
export async function eventsOf(
  run: string,
): Promise<{ event: string; cause?: string; detail?: string; microbatchSize?: number }[]> {
  return JSON.parse(await readFile(join(run, 'history.json'), 'utf8')).events;
}
