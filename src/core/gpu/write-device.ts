import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { RobleError } from '../errors.js';
import { replaceFile } from '../storage/durable.js';

/**
 * Sets `train.engine` and `train.device` in a configuration file, and leaves the rest of it, comments and all, as it is.
 *
 * @throws {RobleError} `ROBLE_CONFIG_SYNTAX`
 */
export async function writeDevice(
  file: string,
  { engine, device }: { engine: string; device: string },
): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  const [problem] = document.errors;
  if (problem)
    throw new RobleError('ROBLE_CONFIG_SYNTAX', `${file} cannot be read: ${problem.message}`, {
      cause: problem,
    });
  document.setIn(['train', 'engine'], engine);
  document.setIn(['train', 'device'], device);
  await replaceFile(
    file,
    file.endsWith('.json') ? `${JSON.stringify(document.toJS(), null, 2)}\n` : document.toString(),
  );
}
