import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.js';
import { findPackages, type PackageRequest } from './packages.js';

let root: string;
let remove: () => Promise<void>;
let count = 0;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('packages'));
});
afterAll(() => remove());

/** A folder with a package. */
async function packageAt(about: Record<string, unknown>, module = './a.js'): Promise<string> {
  const folder = join(root, String(count++));
  const plugins = [{ kind: 'augmenter', name: 'lines', module }];
  const manifest = { name: 'lines', version: '1.0.0', roble: { apiVersion: 1, plugins }, ...about };
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'a.js'), '');
  return folder;
}

const ofProject = (name: string, pins = {}): PackageRequest => ({
  name,
  from: 'project',
  folder: root,
  ...pins,
});

describe('packages of plugins', () => {
  it('are those of the project where both have them, and its pins cannot be passed by', async () => {
    const installed = join(root, 'node_modules/lines');
    await mkdir(dirname(installed), { recursive: true });
    await symlink(await packageAt({}), installed);
    const machine: PackageRequest = {
      name: 'lines',
      from: 'machine',
      folder: root,
      root: await packageAt({ version: '2.0.0' }),
    };
    expect(await findPackages([ofProject('lines'), machine])).toMatchObject({
      packages: [{ version: '1.0.0', from: 'project' }],
      setAside: [],
    });
    expect(await findPackages([ofProject('lines', { version: '^2' }), machine])).toMatchObject({
      packages: [],
      setAside: [{ version: '1.0.0', reason: expect.stringContaining('asks for version ^2') }],
    });
  });

  it('may be named once', async () => {
    const [first, second] = [await packageAt({}), await packageAt({})];
    const { packages, setAside } = await findPackages([ofProject(first), ofProject(second)]);
    expect(packages).toHaveLength(1);
    expect(setAside).toMatchObject([{ reason: `A package lines is named before it: ${first}.` }]);
  });

  it.each([
    ['a module behind a file', {}, './a.js/b.js', 'lacks its module'],
    ['a module of another package', {}, './node_modules/other/a.js', 'lies outside of the package'],
    ['a module above it', {}, '../a.js', 'lies outside of the package'],
    ['a link out of it', {}, './link.js', 'lies outside of the package'],
    ['a name that is a path', { name: '../../lines' }, './a.js', 'the name of a package of npm'],
    ['a name that is a number', { name: 5 }, './a.js', 'name: expected'],
    [
      'plugins that are no list',
      { roble: { apiVersion: 1, plugins: 'a.js' } },
      './a.js',
      'plugins: expected',
    ],
  ])('are set aside for %s', async (_, about, module, reason) => {
    const folder = await packageAt(about, module);
    await mkdir(join(folder, 'node_modules/other'), { recursive: true });
    await writeFile(join(folder, 'node_modules/other/a.js'), '');
    await symlink(join(root, '0/a.js'), join(folder, 'link.js'));
    const { packages, setAside } = await findPackages([ofProject(folder)]);
    expect(packages).toEqual([]);
    expect(setAside).toMatchObject([{ reason: expect.stringContaining(reason) }]);
  });

  it('may begin with a byte order mark, and are told where they are no JSON', async () => {
    const folder = await packageAt({});
    const file = join(folder, 'package.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, `\uFEFF${text}`);
    expect((await findPackages([ofProject(folder)])).packages).toHaveLength(1);
    await writeFile(file, `\uFEFF{\n  "name": "lines",\n}`);
    expect((await findPackages([ofProject(folder)])).setAside).toMatchObject([
      {
        reason: expect.stringMatching(
          /package\.json:3:1 is not JSON: expected a key in double quotes, received "}"\.$/,
        ),
        nextSteps: [expect.stringMatching(/comma|Mend/)],
      },
    ]);
  });

  it('have names with a scope, too', async () => {
    const { packages } = await findPackages([ofProject(await packageAt({ name: '@team/lines' }))]);
    expect(packages).toMatchObject([{ name: '@team/lines' }]);
  });
});
