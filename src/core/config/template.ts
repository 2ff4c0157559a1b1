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
  // A JSON string is a YAML string, whatever it holds.
  const quoted = Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]);
  return fillTemplate('roble.config.yaml', { schema, ...Object.fromEntries(quoted) });
}

/**
 * A workflow for GitHub Actions that balances the project's data set every night.
 *
 * @param dataset its folder, relative to that of the project
 */
export async function renderNightlyWorkflow(dataset: string): Promise<string> {
  return fillTemplate('github/nightly-data.yaml', { dataset: JSON.stringify(dataset) });
}

/** Puts values in place of `{{name}}`. What GitHub replaces, `${{ name }}`, has spaces, and stays. */
async function fillTemplate(name: string, values: Readonly<Record<string, string>>): Promise<string> {
  const template = await readFile(new URL(`../../../templates/${name}`, import.meta.url), 'utf8');
  return template.replace(/\{\{([\w.]+)\}\}/g, (_, key: string) => {
    const text = values[key];
    if (text === undefined)
      throw new RobleError('ROBLE_INTERNAL', `The template asks for "${key}", which has no value.`);
    return text;
  });
}
