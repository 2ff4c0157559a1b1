import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const INSTALLED = join(import.meta.dirname, '../../../node_modules');

/**
 * A service as a process with a root of its own (an overlay over this machine's, read-only where the service is), a network
 * of its own on the bridge of the engine, its volumes, secrets and user, and no rights.
 */
export class Container {
  options;
  #process;
  #network;

  constructor(options) {
    this.options = options;
  }

  get isRunning() {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  get processId() {
    return this.isRunning ? this.#process.pid : undefined;
  }

  get log() {
    return join(this.options.state, 'logs', `${this.options.name}.log`);
  }

  async start() {
    if (this.isRunning) return;
    const { name, state } = this.options;
    this.#network?.kill('SIGKILL');
    this.#network = await this.#joinNetwork();
    for (const folder of ['logs', 'scripts', `roots/${name}`])
      mkdirSync(join(state, folder), { recursive: true });
    const script = join(state, 'scripts', `${name}.sh`);
    writeFileSync(script, this.#script(this.#network.pid));
    const log = openSync(this.log, 'a');
    chownSync(this.log, this.#user[0], this.#user[1]);
    // In a process group of its own: a Ctrl-C at the terminal of the tests is not for it.
    this.#process = spawn('unshare', ['--mount', 'bash', script], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
  }

  /** Ends it as Docker does: its signal, then, after its time, SIGKILL. */
  async stop() {
    if (!this.isRunning) return;
    const { stop_signal = 'SIGTERM', stop_grace_period = '10s' } = this.options.service;
    const ended = once(this.#process, 'exit');
    this.#process.kill(stop_signal);
    await Promise.race([
      ended,
      sleep(1000 * Number.parseInt(stop_grace_period, 10), undefined, { ref: false }),
    ]);
    await this.kill();
  }

  /** Ends it and all that it started, which are a process group. */
  async kill() {
    const ended = this.isRunning && once(this.#process, 'exit');
    try {
      if (this.#process) process.kill(-this.#process.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await ended;
    this.#network?.kill('SIGKILL');
    this.#network = undefined;
  }

  /** The words that run a command inside, as its user. */
  inside(command) {
    return [
      'nsenter',
      `--target=${this.processId}`,
      ...['--mount', '--net', '--root'],
      ...this.#asUser(command),
    ];
  }

  isHealthy() {
    if (!this.isRunning) return false;
    const [kind, ...words] = this.options.service.healthcheck?.test ?? ['NONE'];
    if (kind === 'NONE') return true;
    const command = kind === 'CMD-SHELL' ? ['sh', '-c', words[0]] : words;
    const [program, ...rest] = this.inside(command);
    try {
      execFileSync(program, rest, { stdio: 'ignore', timeout: 5000 });
      return true;
    } catch {
      return false;
    }
  }

  get #user() {
    const [user, group] = this.options.service.user.split(':').map(Number);
    return [user, group];
  }

  #asUser(command) {
    const { image, service, name } = this.options;
    const environment = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/tmp',
      HOSTNAME: name,
      ...image.environment,
      ...service.environment,
    };
    const [user, group] = this.#user;
    return [
      'setpriv',
      `--reuid=${user}`,
      `--regid=${group}`,
      ...['--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
      ...['env', '-i', `--chdir=${image.workingFolder ?? '/'}`],
      ...Object.entries(environment).map(([key, value]) => `${key}=${value}`),
      ...command,
    ];
  }

  /** A network namespace, held by a process that sleeps, with one end of a cable to the bridge. */
  async #joinNetwork() {
    const { address } = this.options;
    const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
    const cable = `c${address.split('.').pop()}`;
    const networkOf = (id) => readlinkSync(`/proc/${id}/ns/net`);
    while (networkOf(holder.pid) === networkOf('self')) await sleep(5);
    sh(
      `ip link delete ${cable} 2> /dev/null || true
       ip link add ${cable} type veth peer name ${cable}p
       ip link set ${cable} master stack up
       ip link set ${cable}p netns ${holder.pid}
       nsenter --target=${holder.pid} --net sh -ec 'ip link set lo up; ip link set ${cable}p name eth0 address ${hardwareAddress(address)}; ip addr add ${address}/24 dev eth0; ip link set eth0 up; ip route add default via 10.213.77.1'`,
    );
    return holder;
  }

  #script(network) {
    const { name, service, image, folder, state, secretFiles, packageFolder } = this.options;
    const area = join(state, 'roots', name);
    const root = `${area}/root`;
    const [user, group] = this.#user;
    const lines = [
      'set -euo pipefail',
      `mount -t tmpfs tmpfs ${area}`,
      `mkdir ${area}/upper ${area}/work ${root}`,
      `mount -t overlay overlay -o lowerdir=/,upperdir=${area}/upper,workdir=${area}/work ${root}`,
      `mount --rbind /proc ${root}/proc`,
      `mount --rbind /dev ${root}/dev`,
      `mount --rbind /sys ${root}/sys`,
      `mount -t tmpfs tmpfs ${root}/run`,
      `cp ${state}/hosts ${root}/etc/hosts`,
      `grep -q '^[^:]*:[^:]*:${user}:' ${root}/etc/passwd || echo 'image:x:${user}:${group}::/:/bin/sh' >> ${root}/etc/passwd`,
      ...this.#binds().map(({ source, target, readOnly }) =>
        bind(source, `${root}${resolved(target)}`, readOnly),
      ),
      ...(service.secrets ?? []).map((secret) =>
        bind(join(folder, secretFiles[secret].file), `${root}/run/secrets/${secret}`, true),
      ),
      ...(service.image.includes('-api:')
        ? [
            bind(packageFolder, `${root}/opt/roble`, true),
            bind(INSTALLED, `${root}/opt/installed/node_modules`, true),
            `mkdir -p ${root}/usr/local/bin && ln -sf /opt/roble/bin/run.js ${root}/usr/local/bin/roble && ln -sf ${process.execPath} ${root}/usr/local/bin/node`,
          ]
        : []),
      ...(service.tmpfs ?? []).map((entry) => {
        const [target, options] = entry.split(':');
        const place = `${root}${resolved(target)}`;
        return `mkdir -p ${place} && mount -t tmpfs -o mode=1777${options ? `,${options}` : ''} tmpfs ${place}`;
      }),
      ...(service.read_only ? [`mount -o remount,ro ${root}`] : []),
      `exec nsenter --net=/proc/${network}/ns/net chroot ${root} ${this.#asUser(image.command).map(quoted).join(' ')}`,
    ];
    return `${lines.join('\n')}\n`;
  }

  #binds() {
    const { service, folder, state } = this.options;
    return (service.volumes ?? []).map((entry) => {
      const [source, target, options = ''] = entry.split(':');
      const readOnly = options.split(',').includes('ro');
      if (source.startsWith('.') || source.startsWith('/'))
        return { source: join(source.startsWith('/') ? '/' : folder, source), target: target, readOnly };
      const volume = join(state, 'volumes', source);
      if (!existsSync(volume)) {
        mkdirSync(volume, { recursive: true, mode: 0o700 });
        chownSync(volume, ...this.#user);
      }
      return { source: volume, target: target, readOnly };
    });
  }
}

/** From the address, as Docker has it: what is made anew under an address is found at once. */
function hardwareAddress(address) {
  return ['02', '42', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(
    ':',
  );
}

function bind(source, target, readOnly) {
  const from = quoted(source);
  return [
    `if [ -d ${from} ]; then mkdir -p ${target}; else mkdir -p "$(dirname ${target})"; [ -e ${target} ] || touch ${target}; fi`,
    // Debian keeps some of these folders from other users, which the images do not.
    `chmod a+rx "$(dirname ${target})"`,
    `mount --rbind ${from} ${target}`,
    ...(readOnly ? [`mount -o remount,bind,ro ${target}`] : []),
  ].join('\n');
}

/** Where a link of this machine leads; followed from outside of the root it would lead out of it. */
function resolved(path) {
  return path.replace(/^\/var\/run\//, '/run/');
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

export function sh(script) {
  execFileSync('sh', ['-ec', script], { stdio: ['ignore', 'ignore', 'inherit'] });
}
