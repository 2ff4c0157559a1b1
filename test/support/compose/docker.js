#!/usr/bin/env node
// Stands for the program "docker": "docker compose ..." goes to the engine of the tests, whose socket COMPOSE_ENGINE names.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [kind, ...words] = process.argv.slice(2);
if (kind !== 'compose') {
  process.stderr.write(`This stand-in for docker does not know "${kind}".\n`);
  process.exit(2);
}
const engine = connect({ path: process.env.COMPOSE_ENGINE, allowHalfOpen: true });
engine.end(JSON.stringify(words));
let text = '';
engine.on('data', (data) => {
  text += data;
});
engine.on('end', () => {
  const reply = JSON.parse(text);
  if (reply.text) process.stdout.write(`${reply.text}\n`);
  if (!reply.run) process.exit(reply.status);
  const [program, ...rest] = reply.run;
  // Files that anybody may open again, as nginx does: the sockets of Node have no name.
  const folder = mkdtempSync(join(tmpdir(), 'roble-docker-'));
  process.umask(0);
  const outputs = ['stdout', 'stderr'].map((name) => openSync(join(folder, name), 'w', 0o666));
  const { status } = spawnSync(program, rest, { stdio: ['inherit', ...outputs] });
  for (const output of outputs) closeSync(output);
  process.stdout.write(readFileSync(join(folder, 'stdout')));
  process.stderr.write(readFileSync(join(folder, 'stderr')));
  rmSync(folder, { recursive: true });
  process.exitCode = status ?? 1;
});
