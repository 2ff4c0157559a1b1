import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '../../model/bundle.js';
import { replaceFolder } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/exists.js';
import { makeReadableFolder, makeTreeReadable } from './permissions.js';

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
export async function copyModel(
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
