import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { RobleError } from '../../../base/errors.js';
import { checkedJson } from '../../../base/schema/checked.js';
import { replaceFile, sweepPartials } from '../../../base/storage/durable.js';
import { type FolderLock, LOCK, takeLock } from '../../../base/storage/folder-lock.js';
import { readPlainText } from '../../../base/storage/read-file.js';
import { type UsedPlugin, usedPluginSchema } from '../../../base/used-plugin.js';
import {
  type TunedBackbone,
  tunedBackboneSchema,
  type UsedBackbone,
  usedBackboneSchema,
} from '../../../model/backbone/settings.js';
import { type Layer, layerSchema } from '../../../model/spec.js';
import { type EpochRecord, RUN_FILES } from '../../history/record.js';
import { type TrainOptions, trainSchema } from '../../settings.js';

/** A run folder that no other process may write to until it is released. */
export interface RunFolder extends FolderLock {
  readonly path: string;
}

export interface NewRunFolder extends RunFolder {
  /** Whether it was not there before. */
  readonly isNew: boolean;
}

/** The next free `run-NNNN` under a folder. */
export async function nextRunFolder(runs: string): Promise<string> {
  await mkdir(runs, { recursive: true });
  return join(runs, runName((await newestNumber(runs)) + 1));
}

/**
 * The `run-NNNN` with the highest number under a folder.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` when there is none.
 */
export async function newestRun(runs: string): Promise<string> {
  const number = await newestNumber(runs);
  if (number > 0) return join(runs, runName(number));
  throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no run under "${runs}".`, {
    expected: `a folder ${join(runs, runName(1))}`,
    nextSteps: ['Name the folder of the run, or where the runs are with --runs.'],
  });
}

async function newestNumber(runs: string): Promise<number> {
  const names = await readdir(runs).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const numbers = names.map((name) => Number(/^run-(\d+)$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

function runName(number: number): string {
  return `run-${String(number).padStart(4, '0')}`;
}

/**
 * Creates and locks the folder of a new run; an empty one may be there already.
 *
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED` when a living process trains there, `ROBLE_RUN_EXISTS` when it holds files.
 */
export async function createRunFolder(folder: string): Promise<NewRunFolder> {
  const made = await mkdir(folder, { recursive: true });
  const locked = await lockRunFolder(folder);
  const { path, release } = locked;
  const files = (await readdir(path)).filter((name) => !name.startsWith(LOCK) && !name.startsWith('.'));
  if (files.length > 0) {
    await release();
    throw new RobleError('ROBLE_RUN_EXISTS', `${path} is not empty.`, {
      received: files.slice(0, 3).join(', '),
      expected: 'a new or empty folder for a new run',
      nextSteps: [
        `Choose another run folder, such as ${join(dirname(path), `${basename(path)}-2`)}.`,
        'Go on with the run that is there by "roble train:resume".',
      ],
    });
  }
  return { ...locked, isNew: made !== undefined };
}

/**
 * Locks the folder of a run that is there already.
 *
 * @throws {RobleError} `ROBLE_FOLDER_LOCKED` when a living process trains there.
 */
export async function lockRunFolder(folder: string): Promise<RunFolder> {
  const path = resolve(folder);
  const lock = await takeLock(path);
  for (const partial of [path, join(path, RUN_FILES.checkpoints)]) await sweepPartials(partial);
  return { path, ...lock };
}

/** All that a run needs, resolved: plain data, written into `run.json` and sent to the worker. */
export interface RunRequest {
  /** Distinguishes the run from others of the same name. */
  readonly id: string;
  /** Name of the model. */
  readonly name: string;
  /** Folder of the run, locked by the supervisor. */
  readonly run: string;
  /** Folder of the data set. */
  readonly dataset: string;
  /** Folder of the data set whose split `validation` is used, where it is another one. */
  readonly validation?: string | undefined;
  /** Of the whole network, or of the head that learns from the features of a backbone. */
  readonly layers: readonly Layer[];
  /** Its extractor is in the folder `backbone` of the run. */
  readonly backbone?: UsedBackbone | undefined;
  /** The first of the layers, which others trained; their weights are in the folder `backbone` of the run. */
  readonly tuned?: TunedBackbone | undefined;
  readonly train: TrainOptions;
  /** Why the device of `train` was chosen, for people; where the user did not name it. */
  readonly deviceReason?: string | undefined;
  /** The plugins from outside that have a part in it. */
  readonly plugins?: readonly UsedPlugin[] | undefined;
}

/** How a run ended without an error. */
export interface RunOutcome {
  readonly stopped: 'completed' | 'stopped-early' | 'interrupted';
  /** Epochs that are complete. */
  readonly epochs: number;
  readonly best: EpochRecord | undefined;
  /** The folder of the exported model; undefined when no epoch was complete. */
  readonly bundle: string | undefined;
}

export interface TrainResult extends RunOutcome {
  readonly run: string;
}

const requestSchema: z.ZodType<RunRequest> = z.object({
  id: z.string(),
  name: z.string(),
  run: z.string(),
  dataset: z.string(),
  validation: z.string().optional(),
  layers: z.array(layerSchema),
  backbone: usedBackboneSchema.optional(),
  tuned: tunedBackboneSchema.optional(),
  train: trainSchema,
  deviceReason: z.string().optional(),
  plugins: z.array(usedPluginSchema).optional(),
});

/**
 * What the run in a folder was asked to do, from `run.json`.
 *
 * @throws {RobleError} `ROBLE_RUN_INVALID`
 */
export async function readRequest(run: string): Promise<RunRequest> {
  const path = join(run, RUN_FILES.request);
  const text = await readPlainText(path).catch((cause) => {
    throw new RobleError('ROBLE_RUN_INVALID', `${run} holds no training run.`, {
      received: `no ${RUN_FILES.request}`,
      expected: `a folder with ${RUN_FILES.request}, as "roble train" makes it`,
      cause,
    });
  });
  return checkedJson(requestSchema, text, 'ROBLE_RUN_INVALID', path);
}

/** Writes `run.json`, atomically; where it holds the same already, a full disk is no matter. */
export async function writeRequest(request: RunRequest): Promise<void> {
  const path = join(request.run, RUN_FILES.request);
  const text = `${JSON.stringify(request, null, 2)}\n`;
  const written = await readPlainText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (written !== text) await replaceFile(path, text);
}
