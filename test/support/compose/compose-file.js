import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Reads docker-compose.yml of a folder, with the variables of its .env. */
export function readCompose(folder) {
  const env = readEnv(folder);
  const text = readFileSync(join(folder, 'docker-compose.yml'), 'utf8')
    // "$$" is a dollar.
    .replace(/\$\$|\$\{(\w+)(?::-([^}]*))?\}/g, (all, name, fallback) =>
      all === '$$' ? '$' : (env[name] ?? fallback ?? ''),
    );
  return parse(text, { merge: true });
}

function readEnv(folder) {
  const lines = readFileSync(join(folder, '.env'), 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => (/^(\w+)=(.*)$/.exec(line) ? [line.split(/=(.*)/s)] : [])),
  );
}
