import { cp, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Context, withStep } from '../../base/context.js';
import { replaceFolder } from '../../base/storage/durable.js';
import { exists, withSlashes } from '../../base/storage/files.js';
import { robleVersion } from '../../base/version.js';
import { openBundle } from '../../model/bundle.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { makeReadableFolder, makeServerFolders, makeTreeReadable } from './permissions.js';
import { stackPlugins } from './plugin-files.js';
import { renderStack } from './render-stack.js';
import { type ServeChoices, serveConfigFile } from './serve-config.js';
import {
  type GivenChoices,
  STACK_DEFAULTS,
  type StackChoices,
  type StackConfig,
  stackChoices,
  stackSettings,
} from './stack-settings.js';
import { type PlannedFile, readStackManifest, type WriteStackOptions, writeStack } from './write-stack.js';

export interface StackOptions
  extends StackConfig,
    ServeChoices,
    Pick<WriteStackOptions, 'folder' | 'dryRun' | 'replace'> {
  /** Folder of the project, in which GitHub looks for workflows. */
  readonly project: string;
  readonly choices: GivenChoices;
  /** Folder of the model bundle. */
  readonly bundle: string;
  /** The environment variable that gives an API the setting at a path, such as `serve.tracing.url`. */
  readonly variableOf: (path: string) => string | undefined;
}

export interface MadeStack {
  readonly folder: string;
  readonly choices: StackChoices;
  /** The choices that were not made now, but when the stack was written before. */
  readonly asBefore: readonly (keyof StackChoices)[];
  readonly files: readonly PlannedFile[];
  readonly model: CopiedModel;
}

const WORKFLOW = join('.github', 'workflows', 'roble-deploy.yaml');

/**
 * Turns a bundle and the settings of a project into a folder with the production stack. In a folder that holds one, what
 * was chosen before stays until it is chosen otherwise.
 *
 * @throws {RobleError} `ROBLE_USAGE`, `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_STACK_INVALID`, `ROBLE_WRITE_FAILED`
 */
export async function makeStack(
  options: StackOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<MadeStack> {
  const { project, folder, bundle, dryRun, replace } = options;
  const version = robleVersion();
  const before = (await readStackManifest(folder))?.choices;
  const choices = stackChoices(options.choices, before);
  const settings = stackSettings(options, choices, version, withSlashes(relative(project, folder)) || '.');
  const plugins = await stackPlugins(options.serve.backend, context.registry);
  const serveConfig = await serveConfigFile({ ...options, plugins: plugins.paths }, context.registry);
  for (const path of serveConfig.secrets)
    context.reporter?.report({
      type: 'warning',
      message: `${path} is secret, and is not written into the stack: give it to the APIs as a file under secrets/, by ${options.variableOf(path)}_FILE.`,
    });
  const files = await withStep(context, 'render', 'Rendering the stack', () =>
    renderStack(
      { ...settings, plugins: plugins.paths },
      serveConfig.text,
      choices.workflow ? withSlashes(relative(folder, join(project, WORKFLOW))) : undefined,
    ),
  );
  if (!dryRun) await makeServerFolders(folder);
  // Not as a step: questions may come.
  const planned = await writeStack([...files, ...plugins.files], {
    folder,
    version,
    choices,
    dryRun,
    replace,
  });
  const model = await withStep(context, 'model', 'Copying the model', () =>
    copyModel(bundle, join(folder, 'models'), settings.model, dryRun),
  );
  const names = Object.keys(choices) as (keyof StackChoices)[];
  const asBefore = names.filter(
    (name) => before && options.choices[name] === undefined && choices[name] !== STACK_DEFAULTS[name],
  );
  return { folder, choices, asBefore, files: planned, model };
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
