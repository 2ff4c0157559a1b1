import { isAlias } from 'yaml';
import { readYaml } from '../../base/schema/yaml-text.js';
import { RobleError } from '../../base/errors.js';
import { replaceFile } from '../../base/storage/durable.js';
import { readTextFile } from '../../base/storage/text-file.js';

/**
 * Sets `train.engine` and `train.device` in a configuration file, and leaves the rest of it, comments and all, as it is.
 *
 * @throws {RobleError} `ROBLE_CONFIG_SYNTAX`; `ROBLE_CONFIG_INVALID` where `train` is an alias
 */
export async function writeDevice(
  file: string,
  { engine, device }: { engine: string; device: string },
): Promise<void> {
  const { document } = readYaml(await readTextFile(file, { code: 'ROBLE_CONFIG_SYNTAX' }), { name: file });
  if (isAlias(document.get('train', true)))
    throw new RobleError(
      'ROBLE_CONFIG_INVALID',
      `${file} gives "train" by an alias, which would change elsewhere too.`,
      {
        expected: 'settings that are written out',
        nextSteps: [`Write "engine: ${engine}" and "device: ${device}" where the anchor is.`],
      },
    );
  document.setIn(['train', 'engine'], engine);
  document.setIn(['train', 'device'], device);
  await replaceFile(
    file,
    file.endsWith('.json') ? `${JSON.stringify(document.toJS(), null, 2)}\n` : document.toString(),
  );
}
