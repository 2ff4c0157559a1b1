import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { LoadedConfig } from '../config/load.js';
import type { Context } from '../context.js';
import { withStep } from '../context.js';
import { withSlashes } from '../storage/slashes.js';
import { robleVersion } from '../version.js';
import { type CopiedModel, copyModel } from './copy-model.js';
import { renderStack } from './render-stack.js';
import { type StackChoices, stackSettings } from './stack-settings.js';
import { type PlannedFile, type WriteStackOptions, writeStack } from './write-stack.js';

export interface MakeStackOptions extends Pick<WriteStackOptions, 'folder' | 'dryRun' | 'replace'> {
  /** Folder of the project, in which GitHub looks for workflows. */
  readonly project: string;
  readonly loaded: Pick<LoadedConfig, 'config' | 'origins'>;
  readonly choices: StackChoices;
  /** Folder of the model bundle. */
  readonly bundle: string;
  readonly workflow: boolean;
}

export interface MadeStack {
  readonly folder: string;
  readonly files: readonly PlannedFile[];
  readonly model: CopiedModel;
}

const WORKFLOW = join('.github', 'workflows', 'roble-deploy.yaml');

/** Folders of the server, made here so that Docker does not make them as root. */
const FOLDERS = ['models', 'keys', 'secrets', 'backups', 'metrics'];

/**
 * Turns a bundle and a configuration into a folder with the production stack.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_STACK_INVALID`, `ROBLE_WRITE_FAILED`
 */
export async function makeStack(
  { project, folder, loaded, choices, bundle, workflow, dryRun, replace }: MakeStackOptions,
  context: Context,
): Promise<MadeStack> {
  const version = robleVersion();
  const settings = stackSettings(
    loaded.config,
    choices,
    version,
    withSlashes(relative(project, folder)) || '.',
  );
  const files = await withStep(context, 'render', 'Rendering the stack', () =>
    renderStack(
      settings,
      loaded,
      workflow ? withSlashes(relative(folder, join(project, WORKFLOW))) : undefined,
    ),
  );
  if (!dryRun) for (const name of FOLDERS) await mkdir(join(folder, name), { recursive: true });
  // Not as a step: questions may come.
  const planned = await writeStack(files, { folder, version, dryRun, replace });
  const model = await withStep(context, 'model', 'Copying the model', () =>
    copyModel(bundle, join(folder, 'models'), settings.model, dryRun),
  );
  return { folder, files: planned, model };
}
