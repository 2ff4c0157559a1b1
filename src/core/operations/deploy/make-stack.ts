import { join, relative } from 'node:path';
import { configKeys } from '../../config/keys.js';
import type { LoadedConfig } from '../../config/load.js';
import type { Context } from '../../base/context.js';
import { withStep } from '../../base/context.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { withSlashes } from '../../base/storage/slashes.js';
import { robleVersion } from '../../base/version.js';
import { type CopiedModel, copyModel } from './copy-model.js';
import { renderStack } from './render-stack.js';
import { serveConfigFile } from './serve-config.js';
import { makeServerFolders } from './server-folders.js';
import { readStackManifest } from './stack-manifest.js';
import {
  type GivenChoices,
  STACK_DEFAULTS,
  type StackChoices,
  stackChoices,
  stackSettings,
} from './stack-settings.js';
import { type PlannedFile, type WriteStackOptions, writeStack } from './write-stack.js';

export interface MakeStackOptions extends Pick<WriteStackOptions, 'folder' | 'dryRun' | 'replace'> {
  /** Folder of the project, in which GitHub looks for workflows. */
  readonly project: string;
  readonly loaded: Pick<LoadedConfig, 'config' | 'origins'>;
  readonly choices: GivenChoices;
  /** Folder of the model bundle. */
  readonly bundle: string;
}

export interface MadeStack {
  readonly folder: string;
  readonly choices: StackChoices;
  /** The choices that nobody made now, and that an earlier time made. */
  readonly asBefore: readonly (keyof StackChoices)[];
  readonly files: readonly PlannedFile[];
  readonly model: CopiedModel;
}

const WORKFLOW = join('.github', 'workflows', 'roble-deploy.yaml');

/**
 * Turns a bundle and a configuration into a folder with the production stack. In a folder that holds one, what was chosen
 * before stays until it is chosen otherwise.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_STACK_INVALID`, `ROBLE_WRITE_FAILED`
 */
export async function makeStack(
  { project, folder, loaded, choices: given, bundle, dryRun, replace }: MakeStackOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<MadeStack> {
  const version = robleVersion();
  const before = (await readStackManifest(folder))?.choices;
  const choices = stackChoices(given, before);
  const settings = stackSettings(
    loaded.config,
    choices,
    version,
    withSlashes(relative(project, folder)) || '.',
  );
  const serveConfig = await serveConfigFile(loaded, context.registry);
  for (const path of serveConfig.secrets)
    context.reporter?.report({ type: 'warning', message: secretLeftOut(path) });
  const files = await withStep(context, 'render', 'Rendering the stack', () =>
    renderStack(
      settings,
      serveConfig.text,
      choices.workflow ? withSlashes(relative(folder, join(project, WORKFLOW))) : undefined,
    ),
  );
  if (!dryRun) await makeServerFolders(folder);
  // Not as a step: questions may come.
  const planned = await writeStack(files, { folder, version, choices, dryRun, replace });
  const model = await withStep(context, 'model', 'Copying the model', () =>
    copyModel(bundle, join(folder, 'models'), settings.model, dryRun),
  );
  const names = Object.keys(choices) as (keyof StackChoices)[];
  const asBefore = names.filter(
    (name) => before && given[name] === undefined && choices[name] !== STACK_DEFAULTS[name],
  );
  return { folder, choices, asBefore, files: planned, model };
}

function secretLeftOut(path: string): string {
  const key = configKeys().find((one) => path === one.path || path.startsWith(`${one.path}.`));
  return `${path} is secret, and is not written into the stack: give it to the APIs as a file under secrets/, by ${key?.variable}_FILE.`;
}
