import { readFile } from 'node:fs/promises';
import { RobleError } from '../errors.js';

/** What `init` asks for; everything else in the file has its default. */
export interface TemplateValues {
  readonly name: string;
  readonly dataset: string;
  readonly runs: string;
  readonly 'image.width': number;
  readonly 'image.height': number;
  readonly 'image.channels': number;
  readonly 'image.invert': boolean;
  readonly 'model.preset': string;
  readonly 'train.epochs': number;
  readonly 'train.batchSize': number;
  readonly 'serve.port': number;
}

/**
 * A commented configuration file.
 *
 * @param schema where editors find the JSON Schema: a path relative to the file, or a URL.
 */
export async function renderConfigFile(values: TemplateValues, schema: string): Promise<string> {
  const template = await readFile(new URL('../../../templates/roble.config.yaml', import.meta.url), 'utf8');
  const all: Record<string, string> = { schema };
  // A JSON string is a YAML string, whatever it holds.
  for (const [key, value] of Object.entries(values)) all[key] = JSON.stringify(value);
  return template.replace(/\{\{([\w.]+)\}\}/g, (_, key: string) => {
    const text = all[key];
    if (text === undefined)
      throw new RobleError('ROBLE_INTERNAL', `The template asks for "${key}", which has no value.`);
    return text;
  });
}
