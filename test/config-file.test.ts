/** What finds the configuration file: only files of its names, only as data, and none in silence. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/core/config/load.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** Where cosmiconfig looks for settings of its own. */
const CANARIES = [
  'package.json',
  'package.yaml',
  '.config/config.json',
  '.config/config.yaml',
  '.config/config.yml',
  '.config/config.js',
  '.config/config.ts',
  '.config/config.cjs',
  '.config/config.mjs',
];

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('config-file'));
});
afterAll(() => remove());

async function put(name: string, text: string): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** JavaScript that leaves a file behind. */
const trap = (mark: string) => `require("node:fs").writeFileSync(${JSON.stringify(join(root, mark))}, "");`;
const moduleTrap = (mark: string) =>
  `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(join(root, mark))}, "");`;

/** A project with one canary, which leaves `mark` behind if anything of it is executed, or followed as an import. */
async function canaryProject(name: string, canary: string, mark: string): Promise<string> {
  const file = await put(`${name}/roble.config.yaml`, 'name: found');
  await put(join(name, dirname(canary), 'trap.cjs'), trap(mark));
  const settings = { $import: './trap.cjs', cosmiconfig: { $import: './trap.cjs' } };
  const isData = /json|ya?ml/.test(canary);
  const script = /[.](mjs|ts)$/.test(canary) ? moduleTrap(mark) : trap(mark);
  await put(join(name, canary), isData ? JSON.stringify(settings) : script);
  return dirname(file);
}

/** Runs a module in each folder as the current one; it is given the folder as `folder`. */
async function inEach(folders: readonly string[], lines: string): Promise<string[]> {
  const script = `const said = [];
    for (const folder of ${JSON.stringify(folders)}) { process.chdir(folder); ${lines} }
    console.log(JSON.stringify(said));`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(import.meta.dirname, '..'),
  });
  return JSON.parse(stdout);
}

const marks = async (start: string) => (await readdir(root)).filter((name) => name.startsWith(start));

describe("cosmiconfig's own settings in the folder of a project", () => {
  it('are nowhere executed, imported or obeyed', async () => {
    const folders = await Promise.all(
      CANARIES.map((canary, i) => canaryProject(`project-${i}`, canary, `ran-${i}`)),
    );
    const module = pathToFileURL(join(import.meta.dirname, '../dist/core/config/project-file.js')).href;
    const found = await inEach(
      folders,
      `const { findProjectFile } = await import(${JSON.stringify(module)});
       said.push((await findProjectFile(folder)).file);`,
    );
    expect(found).toEqual(folders.map((folder) => join(folder, 'roble.config.yaml')));
    expect(await marks('ran-')).toEqual([]);
  });

  it('would be, by cosmiconfig alone: the canaries live', async () => {
    // Those of TypeScript live only where its compiler lies beside cosmiconfig.
    const alive = CANARIES.filter((canary) => !canary.endsWith('.ts'));
    const folders = await Promise.all(
      alive.map((canary, i) => canaryProject(`alone-${i}`, canary, `alone-ran-${i}`)),
    );
    await inEach(
      folders,
      `const { cosmiconfig } = await import(${JSON.stringify(import.meta.resolve('cosmiconfig'))});
       try { await cosmiconfig('roble', { searchPlaces: ['roble.config.yaml'] }).search(folder); }
       catch (error) { said.push(error.message); }`,
    );
    expect(await marks('alone-ran-')).toEqual(alive.map((_, i) => `alone-ran-${i}`));
  });
});

const load = (name: string) => loadConfig({ cwd: join(root, name), env: {} });

it.each(['roble.config.yaml', 'roble.config.yml', 'roble.config.json'])(
  'an import in %s is an unknown key, with its line, and nothing of it is read',
  async (name) => {
    const folder = `import-${name}`;
    await put(`${folder}/trap.cjs`, trap(`${name}-ran`));
    await put(`${folder}/${name}`, '{\n"$import": "./trap.cjs" }');
    await expect(load(folder)).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
      details: {
        problems: [expect.objectContaining({ path: '$import', message: expect.stringMatching(/:2\b/) })],
      },
    });
    expect(await marks(`${name}-ran`)).toEqual([]);
  },
);

describe('what looks like a configuration and is none', () => {
  const names = [
    ...['js', 'mjs', 'cjs', 'ts', 'toml'].map((end) => `roble.config.${end}`),
    ...['roble.yaml', 'roble.yml', 'roble.json', '.roblerc', '.roblerc.cjs', '.roblerc.yaml'],
    ...['.config/roblerc.js', '.config/roble.config.ts', '.config/roble.yaml'],
  ];

  it('is told, with what to do, and neither read nor executed', async () => {
    for (const name of names) await put(`scripts/${name}`, trap('script-ran'));
    const manifest = await put('scripts/package.json', JSON.stringify({ roble: { name: 'package' } }));
    const mend = 'is here and is not read: write it as roble.config.yaml.';
    const { files, config, warnings } = await load('scripts');
    expect([files, config.name]).toEqual([[], 'classifier']);
    expect([...warnings].sort()).toEqual(
      [
        ...names.map((name) => `${join(root, 'scripts', name)} ${mend}`),
        `The key "roble" of ${manifest} ${mend}`,
      ].sort(),
    );
    expect(await marks('script-ran')).toEqual([]);
  });

  it('is told beside and below one that is read, and a package of plugins is none', async () => {
    const file = await put('both/roble.config.yaml', 'name: found');
    const plugins = { roble: { apiVersion: 1, plugins: [] } };
    await put('both/inside/package.json', JSON.stringify(plugins));
    await put('both/roble.json', '{}');
    expect((await load('both')).warnings).toEqual([
      `${join(root, 'both/roble.json')} is here and is not read: move its settings to ${file}.`,
    ]);
    expect((await load('both/inside')).warnings).toEqual([]);
    // Beyond the root of a project, it is another's.
    await put('outer/roble.json', '{}');
    await put('outer/inner/package.json', '{}');
    expect((await load('outer/inner')).warnings).toEqual([]);
  });
});

describe('a file of its name that cannot be read', () => {
  it.each<[string, string, (path: string) => Promise<unknown>]>([
    ['a folder', 'ROBLE_FILE_UNREADABLE', (path) => mkdir(path)],
    ['a pipe', 'ROBLE_FILE_UNREADABLE', (path) => execa('mkfifo', [path])],
    ['a link that leads nowhere', 'ROBLE_FILE_NOT_FOUND', (path) => symlink('nowhere', path)],
    ['a device without end', 'ROBLE_CONFIG_SYNTAX', (path) => symlink('/dev/zero', path)],
  ])('is an error, and not passed by: %s', async (what, code, make) => {
    await mkdir(join(root, what, 'inside'), { recursive: true });
    await make(join(root, what, 'roble.config.yaml'));
    await put(join(what, 'roble.config.json'), '{}');
    await expect(load(join(what, 'inside'))).rejects.toMatchObject({ code });
  });
});
