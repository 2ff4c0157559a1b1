/**
 * Runs the services of a docker-compose.yml without Docker, as the programs of Debian that do the same as the images: each
 * with its user, its root, its network, its volumes and secrets. It takes the words of `docker compose` from its shim,
 * docker.js, so that scripts and people's commands run as they are written.
 *
 *   unshare --mount --net node engine.js FOLDER STATE PACKAGE
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCompose } from './compose-file.js';
import { Container, sh } from './container.js';
import { imageOf } from './images.js';

const [folder, state, packageFolder] = process.argv.slice(2);
const HEALTHY_MS = 120_000;

const compose = readCompose(folder);
const containers = new Map();
const unavailable = [];
const names = Object.keys(compose.services);
/** Fixed, as the file says it, or one of the others. */
const addressOf = (name) => {
  const { networks = [] } = compose.services[name];
  const fixed = Array.isArray(networks)
    ? undefined
    : Object.values(networks).find((network) => network?.ipv4_address)?.ipv4_address;
  return fixed ?? `10.213.77.${100 + names.indexOf(name)}`;
};

mkdirSync(state, { recursive: true });
writeFileSync(
  join(state, 'hosts'),
  ['127.0.0.1 localhost', ...names.map((name) => `${addressOf(name)} ${name}`), ''].join('\n'),
);
sh(`ip link set lo up
    ip link add stack type bridge
    ip addr add 10.213.77.1/24 dev stack
    ip link set stack up
    mount --bind ${join(state, 'hosts')} /etc/hosts`);
for (const [name, service] of Object.entries(compose.services)) {
  const image = imageOf(name, service, folder);
  if (!image) unavailable.push(name);
  else
    containers.set(
      name,
      new Container({
        name,
        service,
        image,
        folder,
        state,
        address: addressOf(name),
        secretFiles: compose.secrets,
        packageFolder,
      }),
    );
}
publishPorts();
listen();

/** Connections to published ports of this namespace go on to the container, as by Docker's proxy. */
function publishPorts() {
  for (const [name, { ports = [] }] of Object.entries(compose.services))
    for (const port of ports) {
      const [inner, outer] = port.split(':').reverse();
      const server = createServer({ allowHalfOpen: true }, (client) => {
        const onward = connect({ host: addressOf(name), port: Number(inner), allowHalfOpen: true });
        client.pipe(onward).pipe(client);
        client.on('error', () => onward.destroy());
        onward.on('error', () => client.destroy());
      });
      server.listen(Number(outer), '127.0.0.1');
    }
}

function listen() {
  const socket = join(state, 'engine.sock');
  rmSync(socket, { force: true });
  const server = createServer({ allowHalfOpen: true }, (client) => {
    let text = '';
    client.on('data', (data) => {
      text += data;
    });
    client.on('end', async () => {
      const reply = await answer(JSON.parse(text)).catch((error) => ({ status: 1, text: error.message }));
      client.end(JSON.stringify(reply));
    });
  });
  server.listen(socket, () => process.stdout.write('ready\n'));
}

process.on('SIGTERM', async () => {
  await Promise.all([...containers.values()].map((container) => container.kill()));
  process.exit(0);
});

async function answer(words) {
  const flags = words.filter((word) => word.startsWith('-'));
  const [verb, ...rest] = words.filter((word) => !word.startsWith('-'));
  switch (verb) {
    case 'exec': {
      const after = words.slice(words.indexOf('exec') + 1);
      const at = after.findIndex((word) => !word.startsWith('-'));
      return { status: 0, run: running(after[at]).inside(after.slice(at + 1)) };
    }
    case 'up':
      return up(rest, flags);
    case 'stop':
    case 'down':
      await Promise.all(chosen(rest).map((container) => container.stop()));
      return { status: 0 };
    case 'kill':
      await Promise.all(chosen(rest).map((container) => container.kill()));
      return { status: 0 };
    case 'start':
    case 'restart':
      for (const container of chosen(rest)) {
        if (verb === 'restart') await container.stop();
        await container.start();
      }
      return { status: 0 };
    case 'ps':
      return { status: 0, text: table() };
    case 'logs':
      return {
        status: 0,
        text: chosen(rest.slice(-1))
          .map(({ log }) => readFileSync(log, 'utf8'))
          .join(''),
      };
    case 'build':
      return { status: 0, text: 'The image of the tests is the package of the stack, installed.' };
    default:
      return { status: 2, text: `This engine does not know "docker compose ${words.join(' ')}".` };
  }
}

function running(name) {
  const container = containers.get(name);
  if (!container?.isRunning) throw new Error(`service "${name}" is not running`);
  return container;
}

function chosen(wanted) {
  if (wanted.length === 0) return [...containers.values()];
  return wanted.map((name) => {
    const container = containers.get(name);
    if (!container) throw new Error(`no such service: ${name}`);
    return container;
  });
}

async function up(wanted, flags) {
  const order = inOrder(chosen(wanted));
  if (flags.includes('--force-recreate')) for (const container of order) await container.stop();
  for (const container of order) {
    const { depends_on = {} } = container.options.service;
    if (!flags.includes('--no-deps'))
      for (const [name, { condition }] of Object.entries(depends_on))
        if (condition === 'service_healthy' && containers.has(name)) await healthy([containers.get(name)]);
    await container.start();
  }
  if (flags.includes('--wait')) await healthy(order);
  return {
    status: 0,
    text:
      unavailable.length > 0 && wanted.length === 0 ? `not on this machine: ${unavailable.join(', ')}` : '',
  };
}

/** Those that others depend on come first. */
function inOrder(wanted) {
  const done = new Set();
  const visit = (container) => {
    if (done.has(container)) return;
    for (const name of Object.keys(container.options.service.depends_on ?? {})) {
      const other = containers.get(name);
      if (other && wanted.includes(other)) visit(other);
    }
    done.add(container);
  };
  wanted.forEach(visit);
  return [...done];
}

async function healthy(wanted) {
  const end = Date.now() + HEALTHY_MS;
  for (const container of wanted)
    while (!container.isHealthy()) {
      if (!container.isRunning || Date.now() > end)
        throw new Error(
          `${container.options.name} is not healthy:\n${readFileSync(container.log, 'utf8').slice(-2000)}`,
        );
      await sleep(250);
    }
}

function table() {
  return [...containers.values()]
    .map(
      (container) =>
        `${container.options.name}\t${container.isHealthy() ? 'healthy' : container.isRunning ? 'unhealthy' : 'exited'}`,
    )
    .join('\n');
}
