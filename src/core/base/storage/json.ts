import { exists } from './exists.js';
import { readPlainText } from './read-file.js';

/** The value of a JSON text; undefined, which JSON cannot say, of what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value of a JSON file; undefined where there is no file, or something else in it. */
export async function readJson(path: string): Promise<unknown> {
  return (await exists(path)) ? parseJson(await readPlainText(path)) : undefined;
}
