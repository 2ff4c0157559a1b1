import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSettings } from '../base/schema/merge.js';
import { readJsonFile } from '../base/storage/text-file.js';

/** What other programs call their configuration, and roble does not, as it runs none and has one place to look at. */
const LOOK_ALIKES =
  /^(roble\.config\.([cm]?[jt]s|toml|json5|jsonc|ini)|roble\.(ya?ml|json|toml)|\.roblerc(\..+)?|\.roble\.(ya?ml|json|toml))$/;
/** In a folder `.config`. */
const LOOK_ALIKES_INSIDE = /^(\.?roble(rc)?)(\.config)?\.[a-z0-9]+$|^\.?roblerc$/;

/**
 * What looks like a configuration and is none, in a folder and those above it as far as a project reaches: nothing of it
 * is read, and whoever wrote it would wonder.
 *
 * @param last the highest folder to look at; undefined: none but the first
 * @param used the file that is the configuration
 * @returns a sentence for each
 */
export async function unreadFiles(
  folder: string,
  last: string | undefined,
  used: string | undefined,
): Promise<string[]> {
  const mend = used ? `move its settings to ${used}` : 'write it as roble.config.yaml';
  const found = (await namesIn(folder)).filter((name) => LOOK_ALIKES.test(name));
  const inside = (await namesIn(join(folder, '.config'))).filter((name) => LOOK_ALIKES_INSIDE.test(name));
  const files = [...found, ...inside.map((name) => join('.config', name))].map((name) => join(folder, name));
  const said = files.map((file) => `${file} is here and is not read: ${mend}.`);
  const manifest = join(folder, 'package.json');
  if (await holdsSettings(manifest))
    said.push(`The key "roble" of ${manifest} is here and is not read: ${mend}.`);
  const isLast = last === undefined || folder === last || dirname(folder) === folder;
  return isLast ? said : [...said, ...(await unreadFiles(dirname(folder), last, used))];
}

/** Whether a `package.json` has settings where packages of plugins say what they add. */
async function holdsSettings(file: string): Promise<boolean> {
  // One that is not there, or is no JSON, is others' business.
  const manifest = await readJsonFile(file).catch(() => undefined);
  if (!isSettings(manifest) || !isSettings(manifest.roble)) return false;
  const keys = Object.keys(manifest.roble);
  return keys.length > 0 && !keys.includes('apiVersion') && !keys.includes('plugins');
}

/** Sorted; none of a folder that is not there, or that may not be looked at. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}
