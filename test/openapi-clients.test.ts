/**
 * Clients that are generated from the OpenAPI document, as users generate them: they are compiled with all checks, take the
 * requests that the server takes and no others, and work.
 */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../src/core/serving/openapi/document.js';
import { createServer, type RobleServer } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPng, tinyBundle } from './support/tiny-bundle.js';

const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 240_000;

let server: RobleServer;
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('openapi-clients'));
  server = await createServer({
    model: await tinyBundle(join(folder, 'model')),
    port: 0,
    workers: 0,
    predictions: { url: join(folder, 'predictions.db') } as never,
  });
  await writeFile(join(folder, 'picture.png'), await quarterPng(2, 200));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await cp(join(import.meta.dirname, 'support/clients'), folder, { recursive: true });
});
afterAll(async () => {
  await server.close();
  await remove();
});

/** What a program says, once it is compiled. */
async function compileAndRun(program: string): Promise<unknown> {
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext'];
  const types = [
    '--typeRoots',
    join(ROOT, 'node_modules/@types'),
    '--types',
    'node',
    '--lib',
    'es2023,dom,dom.iterable',
  ];
  const words = [...options, ...types, '--outDir', 'out', `${program}.ts`];
  const compiled = await execa(join(ROOT, 'node_modules/.bin/tsc'), words, {
    cwd: folder,
    reject: false,
  });
  expect([compiled.exitCode, compiled.stdout, compiled.stderr]).toEqual([0, '', '']);
  const { stdout } = await execa(process.execPath, [`out/${program}.js`, server.url], { cwd: folder });
  return JSON.parse(stdout);
}

/** What each program does with the server, by the name of what it asks for. */
const EXPECTED = {
  pixels: 'top-right',
  image: 'bottom-left',
  drawing: 3,
  bytes: 'bottom-left',
  form: ['bottom-left'],
  batch: ['top-left', 'ROBLE_IMAGE_SHAPE'],
  feedback: true,
  infer: ['bottom-right'],
  // Four probabilities, and the label with its length.
  raw: 4 * 4 + 4 + 'top-right'.length,
  refused: 'ROBLE_IMAGE_SHAPE',
};

describe('a generated client', { timeout: TIMEOUT_MS }, () => {
  const document = JSON.parse(JSON.stringify(openApiDocument()));

  it('of openapi-typescript, whose types are used with fetch', async () => {
    const { default: generate, astToString } = await import('openapi-typescript');
    const { default: typescript } = await import('typescript');
    const blob = typescript.factory.createTypeReferenceNode('Blob');
    // As its manual says for bytes.
    const nodes = await generate(document, {
      transform: ({ format }) => (format === 'binary' ? blob : undefined),
    });
    await writeFile(join(folder, 'api.ts'), astToString(nodes));
    expect(await compileAndRun('typed-fetch')).toEqual(EXPECTED);
  });

  it('of @hey-api/openapi-ts, with its functions', async () => {
    const { createClient } = await import('@hey-api/openapi-ts');
    await createClient({
      input: document,
      output: { path: join(folder, 'hey'), module: { extension: '.js' } } as never,
      plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
      logs: { level: 'silent', file: false },
    });
    expect(await compileAndRun('functions')).toEqual(EXPECTED);
  });
});
