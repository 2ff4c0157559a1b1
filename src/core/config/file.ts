import { extname } from 'node:path';
import { RobleError } from '../base/errors.js';
import { isSettings } from '../base/schema/merge.js';
import { isAbsent } from '../base/storage/files.js';
import { fileOrPipe } from '../base/storage/read-file.js';
import { decodeText } from '../base/storage/text-file.js';
import type { Origin, OriginLayer } from './origin.js';

/** Far more than people write; a device or a data set that was named by mistake is not read to its end. */
export const MAX_CONFIG_BYTES = 4 << 20;

/**
 * Reads a YAML or JSON configuration file.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`; `ROBLE_CONFIG_SYNTAX` with line and column; `ROBLE_CONFIG_INVALID`
 *   when the file holds something other than keys and values.
 */
export async function readConfigFile(
  file: string,
  source: 'user' | 'project',
  signal?: AbortSignal,
): Promise<OriginLayer> {
  const text = await readText(file, signal);
  const { readJson, readYaml } = await import('../base/schema/yaml-text.js');
  // An empty file sets nothing, whatever its name.
  const read = extname(file) === '.json' && text.trim() !== '' ? readJson : readYaml;
  const { value, lineOf } = read(text, { name: file });
  const given = value ?? {};
  if (!isSettings(given))
    throw new RobleError('ROBLE_CONFIG_INVALID', `${file} does not hold settings.`, {
      received: Array.isArray(given) ? 'a list' : JSON.stringify(given),
      expected: 'keys with values, such as "name: characters"',
    });
  const { $schema: _forEditors, ...settings } = given;
  return {
    value: settings,
    origin(path): Origin {
      const line = lineOf(path);
      return { source, file, ...(line !== undefined && { line }) };
    },
  };
}

/** @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_CONFIG_SYNTAX` for what is no text */
async function readText(file: string, signal: AbortSignal | undefined): Promise<string> {
  const parts: Buffer[] = [];
  try {
    let bytes = 0;
    for await (const part of fileOrPipe(file, signal)) {
      parts.push(part);
      bytes += part.length;
      if (bytes > MAX_CONFIG_BYTES) break;
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    if (!isAbsent(error)) throw RobleError.from(error);
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no configuration file ${file}.`, {
      nextSteps: ['Check the name, or write a new file with "roble init".'],
      cause: error,
    });
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length > MAX_CONFIG_BYTES)
    throw new RobleError(
      'ROBLE_CONFIG_SYNTAX',
      `${file}:1:1: longer than ${MAX_CONFIG_BYTES >> 20} MiB, which is no configuration`,
      { nextSteps: ['Name another file.'] },
    );
  return decodeText(bytes, file, { code: 'ROBLE_CONFIG_SYNTAX' });
}
