import { readFileSync } from 'node:fs';

interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
}

function ownPackage(): OwnPackage {
  return JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as OwnPackage;
}

/** The version of roble, as its package says it. */
export const robleVersion = (): string => ownPackage().version;

/** The oldest version of Node that roble runs on, such as `20.19`. */
export const oldestNode = (): string => ownPackage().engines.node.replace('>=', '');
