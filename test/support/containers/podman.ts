import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, cp, mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Engine } from './engine.js';
import { runHealthChecks } from './health-checks.js';
import { type LocalImage, makeImages } from './images.js';
import { podman } from './podman-command.js';

const run = promisify(execFile);

/** runc, and bounds that a container may have without rights of root. */
const CONTAINERS_CONF = (state: string, openFiles: string) => `
[containers]
default_ulimits = ["nofile=${openFiles}:${openFiles}", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "${state}/tmp"
[network]
network_config_dir = "${state}/networks"
`;
const STORAGE_CONF = (state: string, driver: string) => `
[storage]
driver = "${driver}"
graphroot = "${state}/images"
runroot = "${state}/run"
`;

/** Of `statfs`: an overlay cannot lie on one, and whole copies take its place. */
const OVERLAYFS = 0x794c7630;

/** "docker" is Docker Compose, which asks podman's service, and else podman without what Docker does not do. */
const DOCKER = `#!/bin/sh
case $1 in
  compose) shift; exec docker-compose "$@" ;;
  run) shift; exec podman run --passwd=false --read-only-tmpfs=false "$@" ;;
  *) exec podman "$@" ;;
esac
`;

/**
 * What podman does otherwise than Docker, put right: it writes the user of a container into its /etc/passwd, and lays a file
 * system of its own over /run of a root that is read-only. One API builds the image that both have.
 */
const COMPOSE_OVERRIDE = (state: string) => `
x-as-it-is: &as-it-is
  volumes: ["${state}/passwd:/etc/passwd:ro"]
services:
  api-1: { <<: *as-it-is }
  api-2: { <<: *as-it-is, build: !reset null }
  backup: { <<: *as-it-is }
  postgres:
    tmpfs: !override [/tmp]
    volumes: [postgres-run:/run/postgresql]
  grafana: { profiles: [missing] }
volumes:
  postgres-run:
`;

/**
 * Starts podman for images and containers of its own, on a network of its own.
 *
 * @param state an empty folder, which `clear` removes
 */
export async function startPodman(
  images: readonly LocalImage[],
  state: string,
  clear: () => Promise<void>,
): Promise<Engine> {
  const bin = join(state, 'bin');
  for (const folder of [bin, join(state, 'networks'), join(state, 'tmp')]) await mkdir(folder);
  await writeFile(join(bin, 'docker'), DOCKER, { mode: 0o755 });
  const { stdout: openFiles } = await run('sh', ['-c', 'ulimit -Hn']);
  await writeFile(
    join(state, 'containers.conf'),
    CONTAINERS_CONF(state, openFiles.trim().replace('unlimited', '1048576')),
  );
  const driver = (await statfs(state)).type === OVERLAYFS ? 'vfs' : 'overlay';
  await writeFile(join(state, 'storage.conf'), STORAGE_CONF(state, driver));
  await writeFile(join(state, 'override.yml'), COMPOSE_OVERRIDE(state));
  await cp(join(import.meta.dirname, 'images/passwd'), join(state, 'passwd'));
  await chmod(join(state, 'passwd'), 0o644);
  const socket = join(state, 'podman.sock');
  const env = {
    CONTAINERS_CONF: join(state, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(state, 'storage.conf'),
    COMPOSE_FILE: `docker-compose.yml:${join(state, 'override.yml')}`,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_BUILDKIT: '0',
    PATH: `${bin}:${process.env.PATH}`,
  };
  const cache = await makeImages(images, state, env);
  const service = await startService(socket, join(state, 'podman.log'), env);
  const checks = new AbortController();
  void runHealthChecks(socket, checks.signal);
  const shell = (line: string): [string, ...string[]] => [
    'nsenter',
    `--mount=/proc/${service.pid}/ns/mnt`,
    `--net=/proc/${service.pid}/ns/net`,
    `--pid=/proc/${service.pid}/ns/pid_for_children`,
    ...['sh', '-c', line],
  ];
  // On the network of this machine, where the registry of npm is reached. Else the check of an image's health is dropped.
  const build = (...words: string[]) =>
    podman(['build', '--format=docker', '--network=host', `--volume=${cache}:/npm-cache`, ...words], env);
  return {
    name: 'podman',
    missing: ['grafana', 'k6', 'loki'],
    shell,
    env,
    build,
    buildOnce: (...words) => build('--layers=false', ...words),
    async close() {
      checks.abort();
      const ended = once(service, 'exit');
      const [program, ...words] = shell('podman rm --all --force --time 0');
      await run(program, words, { env: { ...process.env, ...env } });
      service.kill('SIGKILL');
      await ended;
      await clear();
    },
  };
}

async function startService(
  socket: string,
  log: string,
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const service = spawn('unshare', [...namespaces, join(import.meta.dirname, 'podman.sh'), socket, log], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const isThere = () =>
    access(socket).then(
      () => true,
      () => false,
    );
  while (!(await isThere())) {
    if (service.exitCode !== null)
      throw new Error(`The service of podman ended at its start: ${await readFile(log, 'utf8')}`);
    await sleep(20);
  }
  return service;
}
