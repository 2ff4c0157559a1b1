/**
 * Writes what is derived from the code: the JSON Schema, the reference pages, the command manifest.
 * With --check it writes nothing, names the files that differ, and ends with 1 when there are any.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { configJsonSchema } from '../src/core/config/keys.js';
import { PLUGIN_KINDS } from '../src/core/plugin/contracts.js';
import { openApiDocument } from '../src/core/serving/openapi/document.js';
import { housePicture } from './house-picture.js';
import { benchmarksPage, configurationPage, errorsPage, pluginPage } from './pages.js';

const root = dirname(import.meta.dirname);

const FILES: Readonly<Record<string, () => Promise<string>>> = {
  'docs/errors.md': async () => errorsPage(),
  'docs/configuration.md': async () => configurationPage(),
  'docs/benchmarks.md': async () =>
    benchmarksPage(JSON.parse(await readFile(join(root, 'benchmarks/results.json'), 'utf8'))),
  'roble.schema.json': async () => `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  'docs/openapi.json': async () => `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  'oclif.manifest.json': manifest,
  'docs/pictures/house.svg': () => housePicture(root),
  ...Object.fromEntries(
    PLUGIN_KINDS.map((kind) => [
      `docs/plugins/${kind}.md`,
      async () => pluginPage(kind, await readFile(join(root, `docs/plugins/${kind}.md`), 'utf8')),
    ]),
  ),
};

/** The manifest of the built commands, made beside the repository so that --check writes nothing into it. */
async function manifest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'roble-manifest-'));
  try {
    // Copies: oclif follows links, and writes the place where a command really lies.
    for (const name of ['dist', 'package.json'])
      await cp(join(root, name), join(folder, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const oclif = join(root, 'node_modules/oclif/bin/run.js');
    await promisify(execFile)(process.execPath, [oclif, 'manifest', folder], { cwd: folder });
    // oclif lists commands in the order in which they happened to load.
    const { commands, ...rest } = JSON.parse(await readFile(join(folder, 'oclif.manifest.json'), 'utf8'));
    const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)));
    return `${JSON.stringify({ commands: sorted, ...rest }, null, 2)}\n`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(check: boolean): Promise<void> {
  const differing: string[] = [];
  for (const [name, generate] of Object.entries(FILES)) {
    const path = join(root, name);
    const wanted = await generate();
    const present = await readFile(path, 'utf8').catch(() => undefined);
    if (present === wanted) continue;
    differing.push(name);
    if (check) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, wanted);
  }
  if (check && differing.length > 0) {
    console.error(`Out of date: ${differing.join(', ')}. Run "npm run build && npm run generate".`);
    process.exitCode = 1;
  } else for (const name of differing) console.log(`wrote ${name}`);
}

await main(process.argv.includes('--check'));
