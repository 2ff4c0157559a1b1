/** The package as users get it, for the scripts that try it. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MINUTE = 60_000;

/** Packs what was built; gives the file. */
export async function pack(folder) {
  const words = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', words, { cwd: dirname(import.meta.dirname) });
  return join(folder, stdout.trim());
}

/** Gives the folder of a project that depends on the package, by its file, and on others that it may use. */
export async function installPackage(folder, file, others = []) {
  const project = join(folder, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', type: 'module' }));
  await install(project, file, ...others);
  return project;
}

/** Installs packages, by their file or their name, in a folder. */
export async function install(folder, ...what) {
  await run(
    'npm',
    ['install', ...what, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'],
    {
      cwd: folder,
      // Without ONNX Runtime's CUDA part, which is a download from elsewhere.
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
      timeout: 5 * MINUTE,
    },
  );
}
