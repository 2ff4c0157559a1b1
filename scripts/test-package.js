/**
 * Runs the tests against what users get: the package, packed from what was built and installed in a folder of its own, with
 * the versions of its dependencies that a stranger gets today. Words are given on to Vitest.
 *
 *   node scripts/test-package.js [test/predict.test.ts ...]
 */
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { installPackage, pack } from './package.js';

const repository = dirname(import.meta.dirname);
const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));

const folder = await mkdtemp(join(tmpdir(), 'roble-tests-'));
try {
  // Some tests run the installed package as another user.
  await chmod(folder, 0o755);
  const project = await installPackage(folder, await pack(folder), optionalPackages());
  const tests = await layOut(join(folder, 'tests'), join(project, 'node_modules/roble'));
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
    cwd: tests,
    stdio: 'inherit',
    // What roble's own image is built of.
    env: { ...process.env, ROBLE_REPOSITORY: repository },
  });
  process.exitCode = status ?? 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** What users install beside roble to have all of it, in the versions that are tested. */
function optionalPackages() {
  const { peerDependencies, devDependencies } = manifest;
  return Object.keys(peerDependencies)
    .filter((name) => name in devDependencies)
    .map((name) => `${name}@${devDependencies[name]}`);
}

/** The repository as it is, but what the package holds is the installed one's. Gives the folder. */
async function layOut(tests, installed) {
  const { files } = manifest;
  // Data sets and runs of whoever works here may be large.
  const ignored = (await readFile(join(repository, '.gitignore'), 'utf8'))
    .split('\n')
    .map((line) => line.replaceAll('/', ''));
  const isOwn = (path) =>
    dirname(path) !== repository || ![...files, ...ignored, '.git'].includes(basename(path));
  await mkdir(tests);
  await cp(repository, tests, { recursive: true, filter: isOwn });
  for (const name of files) await symlink(join(installed, name), join(tests, name));
  await linkPackages(join(tests, 'node_modules'), [dirname(installed), join(repository, 'node_modules')]);
  return tests;
}

/** Makes a folder of packages of links into others, the first of which comes first: a package is there once in a process. */
async function linkPackages(folder, sources) {
  await mkdir(folder);
  for (const source of sources)
    for (const name of await readdir(source)) {
      const [from, to] = [join(source, name), join(folder, name)];
      if (name.startsWith('@') || name === '.bin') {
        await mkdir(to, { recursive: true });
        for (const part of await readdir(from)) await linkOnce(join(from, part), join(to, part));
      } else await linkOnce(from, to);
    }
}

async function linkOnce(from, to) {
  await symlink(from, to).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
