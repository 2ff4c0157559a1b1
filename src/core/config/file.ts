import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Document, LineCounter } from 'yaml';
import { RobleError } from '../errors.js';
import { isSettings } from './merge.js';
import type { Layer, Origin } from './origin.js';

/** The names of a project's configuration file; the first one that a folder holds is used. */
const PROJECT_FILES = ['roble.config.yaml', 'roble.config.yml', 'roble.config.json'] as const;

/**
 * The configuration file of the project that holds a folder: in the folder itself or the nearest folder above, but
 * not beyond the one with a `package.json`.
 *
 * This is cosmiconfig's strategy "project" without cosmiconfig, which also runs `.config/config.js` of the current
 * folder as its own settings: a configuration must never execute.
 */
export async function findProjectFile(folder: string): Promise<{ file?: string; ignored: string[] }> {
  const names = await readdir(folder).catch((): string[] => []);
  const [file, ...ignored] = PROJECT_FILES.filter((name) => names.includes(name)).map((name) =>
    join(folder, name),
  );
  if (file) return { file, ignored };
  const parent = dirname(folder);
  if (names.includes('package.json') || parent === folder) return { ignored: [] };
  return findProjectFile(parent);
}

/**
 * Reads a YAML or JSON configuration file.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`; `ROBLE_CONFIG_SYNTAX` with line and column; `ROBLE_CONFIG_INVALID`
 *   when the file holds something other than keys and values.
 */
export async function readConfigFile(file: string, source: 'user' | 'project'): Promise<Layer> {
  const text = await readText(file);
  const yaml = await import('yaml');
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter });
  const [error] = document.errors;
  if (error) throw syntaxError(file, error.message.split('\n')[0] ?? error.message, error.linePos?.[0]);
  if (extname(file) === '.json') refuseBadJson(file, text, document, lineCounter);

  const value: unknown = document.toJS() ?? {};
  if (!isSettings(value))
    throw new RobleError('ROBLE_CONFIG_INVALID', `${file} does not hold settings.`, {
      received: Array.isArray(value) ? 'a list' : JSON.stringify(value),
      expected: 'keys with values, such as "name: characters"',
    });
  const { $schema: _forEditors, ...settings } = value;
  return {
    value: settings,
    origin(path): Origin {
      const node = nodeAt(document.contents, path);
      const offset = node?.range?.[0];
      return { source, file, ...(offset !== undefined && { line: lineCounter.linePos(offset).line }) };
    },
  };
}

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EISDIR') throw RobleError.from(error);
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no configuration file ${file}.`, {
      ...(code === 'EISDIR' && { received: 'a folder' }),
      nextSteps: ['Check the name, or write a new file with "roble init".'],
      cause: error,
    });
  }
}

/** YAML reads nearly all JSON, and much that is no JSON; its tree tells the place, which JSON.parse often does not. */
function refuseBadJson(
  file: string,
  text: string,
  document: Document.Parsed,
  lineCounter: LineCounter,
): void {
  try {
    if (text.trim() !== '') JSON.parse(text);
  } catch (error) {
    const offset = firstNonJson(document.contents);
    throw syntaxError(
      file,
      (error as Error).message,
      offset === undefined ? undefined : lineCounter.linePos(offset),
    );
  }
}

/** The place of the first word without quotes, or of a list or keys that are written by indentation. */
function firstNonJson(node: unknown): number | undefined {
  const { range, items, flow, type, value } = (node ?? {}) as YamlNode;
  const isBare = typeof value === 'string' && type !== 'QUOTE_DOUBLE';
  if (isBare || (items && !flow)) return range?.[0];
  for (const item of items ?? []) {
    const { key, value: inner } = item as { key?: unknown; value?: unknown };
    const found = key === undefined ? firstNonJson(item) : (firstNonJson(key) ?? firstNonJson(inner));
    if (found !== undefined) return found;
  }
  return undefined;
}

function syntaxError(file: string, message: string, at?: { line: number; col: number }): RobleError {
  const where = at ? `:${at.line}:${at.col}` : '';
  return new RobleError(
    'ROBLE_CONFIG_SYNTAX',
    `${file}${where}: ${message.replace(/ at line \d+, column \d+:?$/, '')}`,
    {
      ...(at && { received: `line ${at.line}, column ${at.col}` }),
      nextSteps: [`Mend ${basename(file)} at this place; what is wrong may begin on the line before.`],
    },
  );
}

interface YamlNode {
  readonly type?: string;
  readonly flow?: boolean;
  readonly value?: unknown;
  readonly range?: readonly [number, number, number] | null;
  readonly items?: readonly unknown[];
}

/** The key at a path, or the deepest one on the way to it that is written in the file. */
function nodeAt(node: unknown, path: readonly PropertyKey[]): YamlNode | undefined {
  const [head, ...rest] = path;
  const items = (node as YamlNode | null)?.items;
  if (head === undefined || !items) return undefined;
  if (typeof head === 'number') return nodeAt(items[head], rest) ?? (items[head] as YamlNode | undefined);
  const pair = items.find((item) => (item as { key?: { value?: unknown } }).key?.value === head);
  const { key, value } = (pair ?? {}) as { key?: YamlNode; value?: unknown };
  return nodeAt(value, rest) ?? key;
}
