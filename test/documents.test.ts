import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { beforeAll, describe, expect, it } from 'vitest';
import { configKeys } from '../src/core/config/keys.js';

const ROOT = join(import.meta.dirname, '..');

/** Names of other programs: Docker, Slurm, Prometheus, Kubernetes; and a field of an answer that is no setting. */
const FOREIGN = ['gpus', 'gres', 'storage', 'terminationGracePeriodSeconds', 'model.lastError'];

interface Text {
  readonly path: string;
  readonly text: string;
}

interface ManifestCommand {
  readonly examples?: readonly string[];
  readonly flags: Readonly<Record<string, { readonly allowNo?: boolean }>>;
}

let pages: readonly Text[];
let code: readonly Text[];
let templates: readonly Text[];
let commands: Readonly<Record<string, ManifestCommand>>;
let allCode: string;

beforeAll(async () => {
  const read = async (...patterns: string[]): Promise<Text[]> => {
    const paths = (await glob(patterns, { cwd: ROOT, dot: true, followSymbolicLinks: true })).sort();
    return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(ROOT, path), 'utf8') })));
  };
  pages = await read('README.md', 'CONTRIBUTING.md', 'docs/**/*.md', 'templates/**/*.md');
  code = await read('src/**/*.{ts,tsx}', '!**/*.test.{ts,tsx}');
  templates = await read('templates/**', '!**/*.md');
  commands = JSON.parse(await readFile(join(ROOT, 'oclif.manifest.json'), 'utf8')).commands;
  allCode = [...code, ...templates].map(({ text }) => text).join('\n');
});

/** What a page shows as code: its blocks, and what stands between backquotes. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```[^\n]*\n(.*?)^```/gms)].map(([, block]) => block!);
  const spans = [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, span]) => span!);
  return [...blocks, ...spans];
}

/** The words of each `roble ...` in a text, without the name. */
function invocations(text: string): string[][] {
  const joined = text.replaceAll('\\\n', ' ');
  return [...joined.matchAll(/(?<![\w/.@-])roble ([^\n`|&;#)<>]*)/g)].map(([, words]) =>
    words!.split('" ')[0]!.replaceAll(/["']/g, '').trim().split(/\s+/),
  );
}

/** What of an invocation does not exist; undefined: all of it does. */
function unknownPart(words: readonly string[]): string | undefined {
  const [first = '', second = ''] = words;
  const id = [`${first}:${second}`, first].find((name) => name in commands);
  // The name is a word of prose, an image or a database, too.
  if (id === undefined) return /^[a-z]+:[a-z-]+$/.test(first) ? `roble ${first}` : undefined;
  const { flags } = commands[id]!;
  const names = words
    .filter((word) => /^--[a-z]/.test(word))
    .map((word) => /^--([a-z0-9-]+)/.exec(word)![1]!);
  const unknown = names.find(
    (name) => !(name in flags) && !(flags[name.replace(/^no-/, '')]?.allowNo ?? false) && name !== 'help',
  );
  return unknown && `roble ${id} --${unknown}`;
}

/** Of what pages show as code, the names of a form that are neither known nor those of another program. */
function unknownNames(form: RegExp, isKnown: (name: string) => boolean): string[] {
  return pages.flatMap(({ path, text }) =>
    codeOf(text)
      .map((span) => form.exec(span)?.[1])
      .filter((name) => name !== undefined && !FOREIGN.includes(name) && !isKnown(name))
      .map((name) => `${path}: ${name}`),
  );
}

describe('documents and messages name what exists', () => {
  it('commands and their flags', () => {
    const found = [
      ...pages.flatMap(({ path, text }) => codeOf(text).map((text) => ({ path, text }))),
      ...code.flatMap(({ path, text }) =>
        [...text.matchAll(/"roble [a-z][^"\n]*"/g)].map(([text]) => ({ path, text: text.slice(1, -1) })),
      ),
      ...templates,
    ].flatMap(({ path, text }) =>
      invocations(text).map((words) => ({ path, words, unknown: unknownPart(words) })),
    );
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter(({ unknown }) => unknown)).toEqual([]);
  });

  it('the flags of examples', () => {
    const unknown = Object.entries(commands).flatMap(([id, { examples = [] }]) =>
      examples.map((example) =>
        unknownPart(
          example
            .replace(/<%= command\.id %>/g, id)
            .replace(/^\s*<%= config\.bin %> /, '')
            .split(/\s+/),
        ),
      ),
    );
    expect(unknown.length).toBeGreaterThan(50);
    expect(unknown.filter(Boolean)).toEqual([]);
  });

  it('the files and rooms of the architecture', () => {
    const { text } = pages.find(({ path }) => path === 'docs/architecture.md')!;
    const exists = (name: string) => code.some(({ path }) => path.includes(`/${name}`));
    const named = [
      ...text.matchAll(/`([\w-]+(?:\/[\w-]+)*(?:\/|[.]ts))`|`((?:core|pages|plugins)\/[\w/-]+)`/g),
    ].map(([, file, room]) => file ?? `${room}/`);
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !exists(name))).toEqual([]);
  });

  it('targets of make', () => {
    const makefile = templates.find(({ path }) => path.endsWith('deploy/Makefile'))!.text;
    const targets = new Set([...makefile.matchAll(/^([a-z-]+):/gm)].map(([, target]) => target!));
    const named = [...pages, ...code].flatMap(({ path, text }) =>
      [...text.matchAll(/[`"]make (?:-C \S+ )?([a-z-]+)/g)].map(([, target]) => ({ path, target: target! })),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ target }) => !targets.has(target))).toEqual([]);
  });

  it('flags by themselves', () => {
    const flags = new Set([
      'help',
      ...Object.values(commands).flatMap((command) => Object.keys(command.flags)),
    ]);
    expect(unknownNames(/^--(?:no-)?([a-z][a-z0-9-]*)/, (name) => flags.has(name))).toEqual([]);
  });

  it('events, settings, metrics, variables of the environment, headers', () => {
    const variables = new Set(configKeys().map(({ variable }) => variable));
    const name = /^((?:ROBLE_[A-Z_]+|roble_[a-z_]+|x-[a-z-]+|[a-z]+(?:[A-Z][a-z0-9]*)+))$/;
    expect(unknownNames(name, (word) => variables.has(word) || allCode.includes(word))).toEqual([]);
    const events = pages.flatMap(({ text }) =>
      [...text.matchAll(/\bevents? `([a-z-]+)`/g)].map(([, name]) => name!),
    );
    expect(events.length).toBeGreaterThan(0);
    expect(events.filter((event) => !allCode.includes(`event: '${event}'`))).toEqual([]);
  });

  it('settings by their path', () => {
    const paths = configKeys().map(({ path }) => path);
    const sections = new Set(paths.map((path) => path.split('.')[0]));
    const isFile = (name: string) => /\.(json|jsonl|yaml|yml|ts|js|onnx|html|csv)$/.test(name);
    const isKnown = (name: string) =>
      !sections.has(name.split('.')[0]) ||
      isFile(name) ||
      paths.some((path) => path === name || path.startsWith(`${name}.`) || name.startsWith(`${path}.`));
    const set = pages.flatMap(({ text }) =>
      [...text.matchAll(/train:resume\b.*? --set ([a-z]\w*)=/gi)].map(([, name]) => `train.${name}`),
    );
    expect(set.length).toBeGreaterThan(0);
    expect(set.filter((name) => !paths.includes(name))).toEqual([]);
    expect(unknownNames(/^([a-z]\w*(?:\.[a-z]\w*)+)(?::.*)?$/, isKnown)).toEqual([]);
  });
});
