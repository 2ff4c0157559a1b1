import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A service as the engine of the tests runs it: what it has no part in, such as memory limits, is left out. */
export interface Service {
  readonly image: string;
  readonly user: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_signal?: NodeJS.Signals;
  readonly stop_grace_period?: string;
}

interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** Reads docker-compose.yml of a folder, with the variables of its .env. */
export function readCompose(folder: string): ComposeFile {
  const env = readEnv(folder);
  const text = readFileSync(join(folder, 'docker-compose.yml'), 'utf8')
    // "$$" is a dollar.
    .replace(/\$\$|\$\{(\w+)(?::-([^}]*))?\}/g, (all, name?: string, fallback?: string) =>
      all === '$$' ? '$' : (env[name!] ?? fallback ?? ''),
    );
  return parse(text, { merge: true }) as ComposeFile;
}

function readEnv(folder: string): Record<string, string> {
  const lines = readFileSync(join(folder, '.env'), 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => (/^(\w+)=(.*)$/.exec(line) ? [line.split(/=(.*)/s) as [string, string]] : [])),
  );
}
