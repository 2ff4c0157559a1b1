import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RobleError } from '../../base/errors.js';

export const INSTALLABLE = ['tensorflow-gpu', 'tensorflow', 'cuda'] as const;
export type Installable = (typeof INSTALLABLE)[number];

/** What an installation will do. */
export interface InstallPlan {
  readonly program: string;
  readonly args: readonly string[];
  /** Where it runs. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** For people: what comes from where, and how much. */
  readonly about: string;
  /** What has to be there for it to be of use. */
  readonly needs: string;
}

/**
 * @param folder the project, into which packages are installed
 */
export function installPlan(what: Installable, folder: string): InstallPlan {
  if (what !== 'cuda') {
    const name = what === 'tensorflow-gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
    return {
      program: 'npm',
      args: ['install', `${name}@4.22.0`],
      folder,
      environment: {},
      about: `${name} from the npm registry, whose install script downloads TensorFlow's library from storage.googleapis.com (${what === 'tensorflow-gpu' ? 'about 400 MB' : 'about 150 MB'}).`,
      needs:
        what === 'tensorflow-gpu'
          ? 'x86-64, Linux or Windows, Node below 23, a driver of NVIDIA, CUDA 11.2 and cuDNN 8.1.'
          : 'x86-64 or ARM, Node below 23.',
    };
  }
  const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return {
    program: process.execPath,
    args: [join(runtime, 'script', 'install.js')],
    folder: runtime,
    environment: { ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
    about: "ONNX Runtime's CUDA provider into its package, from api.nuget.org (about 250 MB).",
    needs: 'x86-64 Linux, a driver of NVIDIA (525 or newer), CUDA 12 and cuDNN 9.',
  };
}

/**
 * Runs a plan.
 *
 * @throws {RobleError} `ROBLE_INSTALL_FAILED` with what the program said, and what it may mean
 */
export function install(
  { program, args, folder, environment }: InstallPlan,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { ...process.env, ...environment }, maxBuffer: 2 ** 26, signal };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve();
      const said = `${stdout}\n${stderr}`.trim() || error.message;
      reject(
        new RobleError('ROBLE_INSTALL_FAILED', `The installation failed: ${[program, ...args].join(' ')}.`, {
          received: said.split('\n').slice(-12).join('\n'),
          nextSteps: [...explanations(said), 'Nothing of roble was changed: what worked before still does.'],
          cause: error,
        }),
      );
    });
  });
}

/** What the words of npm and of install scripts mean. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [
    /ENOTFOUND|EAI_AGAIN|getaddrinfo/i,
    'The host of the download cannot be found from here. Behind a proxy set HTTPS_PROXY; without a way to the Internet install on a machine that has one, and copy node_modules.',
  ],
  [
    /ECONNREFUSED|ETIMEDOUT|ECONNRESET/i,
    'The host of the download does not answer: try again, or set HTTPS_PROXY.',
  ],
  [
    /SELF_SIGNED|CERT_|certificate/i,
    'A proxy replaces certificates: set NODE_EXTRA_CA_CERTS to its certificate.',
  ],
  [/EACCES|EPERM|permission denied/i, 'The folder cannot be written: install as its owner.'],
  [/ENOSPC/i, 'The disk is full.'],
  [
    /node-gyp|node-pre-gyp|gyp ERR/i,
    'There is no ready-made build for this version of Node, and none could be made: use Node 20.',
  ],
  [/404 Not Found|E404/i, 'The file is not at that place: the registry or mirror does not have it.'],
];

function explanations(said: string): string[] {
  return MEANINGS.filter(([words]) => words.test(said)).map(([, meaning]) => meaning);
}
