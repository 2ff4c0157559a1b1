import { cp, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Context, withStep } from '../../base/context.js';
import { replaceFolder } from '../../base/storage/durable.js';
import { exists, withSlashes } from '../../base/storage/files.js';
import { robleVersion } from '../../base/version.js';
import { configKeys } from '../../config/keys.js';
import type { LoadedConfig } from '../../config/load.js';
import { openBundle } from '../../model/bundle.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { makeReadableFolder, makeServerFolders, makeTreeReadable } from './permissions.js';
import { renderStack, serveConfigFile } from './render-stack.js';
import {
  type GivenChoices,
  STACK_DEFAULTS,
  type StackChoices,
  stackChoices,
  stackSettings,
} from './stack-settings.js';
import { type PlannedFile, readStackManifest, type WriteStackOptions, writeStack } from './write-stack.js';

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

export interface CopiedModel {
  /** `NAME/VERSION` in the repository. */
  readonly version: string;
  /** False where the bundle is there already. */
  readonly isNew: boolean;
}

/**
 * Puts a bundle into a repository of models as the next version, unless it is one of the versions already.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`
 */
async function copyModel(
  bundle: string,
  repository: string,
  name: string,
  dryRun: boolean,
): Promise<CopiedModel> {
  const { digest } = await openBundle(bundle);
  const folder = join(repository, name);
  const versions = (await exists(folder)) ? await readdir(folder, { withFileTypes: true }) : [];
  const numbers = versions.filter((entry) => entry.isDirectory() && /^\d+$/.test(entry.name));
  for (const { name: version } of numbers) {
    const other = await openBundle(join(folder, version)).catch(() => undefined);
    if (other?.digest === digest) return { version: `${name}/${version}`, isNew: false };
  }
  const version = String(Math.max(0, ...numbers.map((entry) => Number(entry.name))) + 1);
  if (!dryRun) {
    await makeReadableFolder(repository, name);
    await replaceFolder(join(folder, version), async (temporary) => {
      await cp(bundle, temporary, { recursive: true });
      await makeTreeReadable(temporary);
    });
  }
  return { version: `${name}/${version}`, isNew: true };
}
