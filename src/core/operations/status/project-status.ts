import { relative } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { describeDataset } from '../../data/dataset/info.js';
import { newestRun } from '../../learning/training/run/folder.js';
import { type RunState, runState } from '../../learning/training/run/outcome.js';
import { findNewestBundle, openBundle } from '../../model/bundle.js';

/** Something that is there and cannot be used. */
export interface Fault {
  readonly fault: string;
}

/** The configuration as it was found, or why there is none that can be used. */
export type FoundConfiguration =
  | {
      readonly files: readonly string[];
      readonly settings: { readonly dataset: string; readonly runs: string };
    }
  | Fault;

/** What a project has come to; plain data. What is not there is undefined. */
export interface ProjectStatus {
  readonly folder: string;
  readonly configuration: { readonly files: readonly string[] } | Fault;
  readonly dataset?: { readonly folder: string; readonly count: number; readonly classes: number } | Fault;
  /** The newest. */
  readonly run?: RunState | Fault;
  /** The one that `serve` and `predict` take. */
  readonly model?: { readonly folder: string; readonly name: string; readonly classes: number } | Fault;
  /** What to do now, the first thing first. */
  readonly next: readonly NextStep[];
}

export interface NextStep {
  readonly command: string;
  readonly why: string;
}

/** Looks at what a folder holds. What cannot be read is told in its place, and nothing is an error. */
export async function projectStatus(
  folder: string,
  configuration: FoundConfiguration,
): Promise<ProjectStatus> {
  if ('fault' in configuration)
    return {
      folder,
      configuration,
      next: [{ command: 'roble config:validate', why: 'says what is wrong with the configuration' }],
    };
  const { files, settings } = configuration;
  const dataset = await found(async () => {
    const { folder: set, count, classes } = await describeDataset(settings.dataset);
    return { folder: set, count, classes: classes.length };
  });
  const run = await found(async () => runState(await newestRun(settings.runs)));
  const model = await found(async () => {
    const { folder: bundle, manifest } = await openBundle(await findNewestBundle(settings.runs));
    return { folder: bundle, name: manifest.name, classes: manifest.classes.length };
  });
  const seen = { ...(dataset && { dataset }), ...(run && { run }), ...(model && { model }) };
  const next = nextSteps(folder, { hasFile: files.length > 0, wantedDataset: settings.dataset, ...seen });
  return { folder, configuration: { files }, ...seen, next };
}

/** Undefined where there is nothing. */
async function found<T>(look: () => Promise<T>): Promise<T | Fault | undefined> {
  try {
    return await look();
  } catch (thrown) {
    const { code, message } = RobleError.from(thrown);
    return code === 'ROBLE_FILE_NOT_FOUND' ? undefined : { fault: message };
  }
}

interface Seen extends Pick<ProjectStatus, 'dataset' | 'run' | 'model'> {
  readonly hasFile: boolean;
  readonly wantedDataset: string;
}

function nextSteps(folder: string, { hasFile, wantedDataset, dataset, run, model }: Seen): NextStep[] {
  const at = (path: string) => {
    const short = relative(folder, path);
    const shown = short === '' || short.startsWith('..') ? path : short;
    return /^[\w./:@%+=,-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
  };
  const broken = (what: string): NextStep => ({
    command: 'roble doctor',
    why: `looks at what is wrong; ${what}`,
  });
  if (run && 'state' in run && run.state === 'training')
    return [{ command: `roble history:analyze ${at(run.run)}`, why: 'shows how the training goes' }];
  if (run && 'state' in run && run.state === 'interrupted')
    return [{ command: `roble train:resume ${at(run.run)}`, why: 'goes on with the run, to the same bits' }];
  if (dataset && 'fault' in dataset) return [broken('the data set cannot be read')];
  const serve = { command: 'roble serve', why: 'answers predictions of the newest model over HTTP' };
  if (model && !('fault' in model))
    return [serve, { command: 'roble history:analyze', why: 'explains the run that the model is of' }];
  if (dataset) return [{ command: 'roble train', why: 'trains a model on the data set' }];
  const fill = [
    {
      command: `roble data:import PICTURES --out ${at(wantedDataset)}`,
      why: 'makes a data set of a folder, an archive or a file of pictures',
    },
    {
      command: `roble data:synth --characters 0-9 --per-class 100 --out ${at(wantedDataset)}`,
      why: 'draws one of characters, to try roble',
    },
  ];
  const init = { command: 'roble init', why: 'writes a roble.config.yaml that explains each choice' };
  return hasFile ? fill : [init, ...fill];
}
