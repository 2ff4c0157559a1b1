/** Classes with the names that JavaScript gives every object: they are classes like any other, from import to the page. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  analyzeRuns,
  balanceDataset,
  createServer,
  describeDataset,
  exportDataset,
  importDataset,
  importFeedback,
  preprocessingSchema,
  previewBalance,
  type RobleServer,
  trainModel,
  validateDataset,
} from '../src/index.js';
import { openPage, startBrowser } from './support/browser.js';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** In the same order when they are sorted. */
const PLAIN = ['plain-a', 'plain-b', 'plain-c', 'plain-d', 'plain-e'];
const ODD = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const SIDE = 12;
const preprocessing = preprocessingSchema.parse({ width: SIDE, height: SIDE });

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('class-names'));
  for (const names of [PLAIN, ODD]) await putPictures(names);
});
afterAll(() => remove());

const at = (names: readonly string[], ...path: string[]) =>
  join(root, names === PLAIN ? 'plain' : 'odd', ...path);

/** Bars that stand elsewhere in each class, 8 to 16 of each. */
async function putPictures(names: readonly string[]): Promise<void> {
  for (const [label, name] of names.entries()) {
    await mkdir(at(names, 'in', name), { recursive: true });
    for (let i = 0; i < 8 + 2 * label; i++) {
      const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, k) =>
        Math.abs((k % SIDE) - 2 * label - 2) < 1 ? 255 - 5 * i : (7 * i + k) % 30,
      );
      await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
        .png()
        .toFile(at(names, 'in', name, `${i}.png`));
    }
  }
}

/** A result with the odd names as the plain ones, and without what differs between two runs. */
function plainly(result: unknown): unknown {
  const text = ODD.reduce(
    (rest, name, i) => rest.replaceAll(name, PLAIN[i]!),
    JSON.stringify(result, (key, value) =>
      /^(out|fingerprint|digest|folder|path|file|dataset|run|bundle|model|url)$|[sS]econd|Ms$|time/.test(key)
        ? undefined
        : value,
    ).replaceAll(at(ODD), at(PLAIN)),
  );
  return JSON.parse(text);
}

/** What comes of both data sets, which must be the same but for the names. */
async function alike<T>(work: (names: readonly string[]) => Promise<T>): Promise<T> {
  const [plain, odd] = [await work(PLAIN), await work(ODD)];
  expect(plainly(odd)).toEqual(plainly(plain));
  return odd;
}

async function roble(names: readonly string[], ...args: string[]) {
  const { stdout } = await execa(process.execPath, [CLI, ...args, '--json'], {
    cwd: at(names),
    env: { PATH: process.env.PATH, HOME: root },
    extendEnv: false,
    reject: false,
  });
  return JSON.parse(stdout);
}

describe('classes with the names of JavaScript', () => {
  it('are imported, exported and imported again', async () => {
    const imported = await alike((names) =>
      importDataset({ sources: [at(names, 'in')], out: at(names, 'data'), preprocessing }),
    );
    expect(imported.classes).toEqual(ODD);
    const info = await alike((names) => describeDataset(at(names, 'data')));
    expect(info.count).toBe(60);
    for (const format of ['folder', 'idx', 'parquet'] as const) {
      const out = `export-${format}`;
      await alike((names) => exportDataset({ dataset: at(names, 'data'), format, out: at(names, out) }));
      const again = await importDataset({
        sources: [at(ODD, out)],
        out: at(ODD, `from-${format}`),
        preprocessing,
      });
      expect([again.classes, again.splits]).toEqual([imported.classes, imported.splits]);
    }
  });

  it('have targets of their own, by flags and in a file', async () => {
    const targets = (names: readonly string[]) => Object.fromEntries(names.map((name, i) => [name, 9 + i]));
    const plan = await alike((names) =>
      previewBalance({ sources: [{ dataset: at(names, 'data') }], target: targets(names) }),
    );
    expect(plan.classes.map(({ total }) => total)).toEqual([9, 10, 11, 12, 13]);
    for (const below of ['copy', 'keep']) {
      const words = (names: readonly string[]) =>
        Object.entries(targets(names))
          .map(([name, samples]) => `${name}=${samples}`)
          .join();
      const { result } = await alike((names) =>
        roble(names, 'data:balance', 'data', '--target', words(names), '--below', below, '--plan'),
      );
      if (below === 'copy') expect(result.classes).toEqual(plan.classes);
      else expect(result.classes.every(({ augmented }: { augmented: number }) => augmented === 0)).toBe(true);
    }
    for (const names of [PLAIN, ODD])
      await writeFile(
        at(names, 'roble.config.yaml'),
        `balance:\n  target: ${JSON.stringify(targets(names))}\n  augment:\n    limits:\n      - { labels: ${JSON.stringify(names)}, augmenter: affine, parameters: { rotation: 1 } }\n`,
      );
    const { result } = await alike((names) => roble(names, 'data:balance', 'data', '--plan'));
    expect(result.classes).toEqual(plan.classes);
    const refused = await roble(ODD, 'data:balance', 'data', '--target', 'isPrototypeOf=3', '--plan');
    expect(refused.error).toMatchObject({ code: 'ROBLE_USAGE', received: 'isPrototypeOf' });
  });

  it('are balanced, checked, learned, judged and recognised', async () => {
    await alike((names) =>
      balanceDataset({
        sources: [{ dataset: at(names, 'data') }],
        target: Object.fromEntries(names.map((name) => [name, 12])),
        out: at(names, 'balanced'),
        workers: 1,
      }),
    );
    await alike((names) => validateDataset({ dataset: at(names, 'balanced') }));
    await alike((names) =>
      trainModel({
        dataset: at(names, 'balanced'),
        run: at(names, 'run'),
        model: { preset: 'cnn-small' },
        train: {
          epochs: 1,
          batchSize: 8,
          threads: 1,
          learningRate: 0.01,
          twins: [names.slice(0, 2), names.slice(2, 4)].map((group) => [...group]),
        },
      }),
    );
    const evaluation = await alike(async (names) =>
      JSON.parse(await readFile(at(names, 'run', 'evaluation.json'), 'utf8')),
    );
    expect(evaluation.perClass.map(({ label }: { label: string }) => label)).toEqual(ODD);
    await alike(async (names) => {
      const { runs } = await analyzeRuns({ runs: [at(names, 'run')] });
      // How long it took is of the machine.
      return runs.map(({ findings, ...run }) => ({
        ...run,
        findings: findings.filter(({ kind }) => !['slow-evaluation', 'slow-down', 'memory'].includes(kind)),
      }));
    });
    const judged = await alike((names) =>
      roble(names, 'model:evaluate', 'in', '--model', 'run/model', '--html', 'evaluation.html'),
    );
    const [{ evaluations }] = judged.result.data;
    expect(evaluations[0]).toMatchObject({ count: 60, unknown: 0 });
    expect(await readFile(at(ODD, 'evaluation.html'), 'utf8')).toContain('__proto__');
    const { result } = await alike((names) =>
      roble(
        names,
        'predict',
        '--model',
        'run/model',
        '--top-k',
        '5',
        ...names.map((name) => `in/${name}/0.png`),
      ),
    );
    expect(result.predictions).toHaveLength(5);
  });
});

describe('a server whose classes have the names of JavaScript', () => {
  let server: RobleServer;
  beforeAll(async () => {
    server = await createServer({
      model: at(ODD, 'run', 'model'),
      port: 0,
      workers: 0,
      predictions: { url: at(ODD, 'predictions.db'), keepImages: true } as never,
    });
  });
  afterAll(() => server.close());

  const post = (path: string, body: Uint8Array | object) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': body instanceof Uint8Array ? 'image/png' : 'application/json' },
      body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    });

  it('answers with them, counts them, and takes them as feedback, which can be learned from', async () => {
    for (const [i, label] of [...ODD, ...ODD].entries()) {
      const picture = await readFile(at(ODD, 'in', label, `${i}.png`.replace(/\d+/, String(i % 8))));
      const response = await post('/predict?topK=5', picture);
      const answer = (await response.json()) as { requestId: string; predictions: { label: string }[] };
      expect(answer.predictions.map((prediction) => prediction.label).sort()).toEqual(ODD);
      const { status } = await post('/feedback', { requestId: answer.requestId, label });
      expect(status).toBeLessThan(300);
    }
    const stats = (await (await fetch(`${server.url}/stats`)).json()) as { statuses: object };
    expect(stats.statuses).toMatchObject({ 200: expect.any(Number) });
    const imported = await importFeedback({
      from: at(ODD, 'predictions.db'),
      sources: [],
      out: at(ODD, 'feedback'),
      split: { ratios: { train: 1 } },
    });
    expect([imported.classes, imported.count]).toEqual([ODD, 10]);
  });

  describeWith('chromium', 'chromium')('in a browser', () => {
    it('shows them', async () => {
      const browser = await startBrowser();
      const watched = await openPage(browser, server.url);
      const { page } = watched;
      await page.locator('input[type=file]').setInputFiles(at(ODD, 'in', 'toString', '0.png'));
      await expect
        .poll(async () => (await page.locator('#guesses li').allInnerTexts()).length, { timeout: 20_000 })
        .toBe(5);
      const rows = (await page.locator('#guesses li').allInnerTexts()).join('\n');
      for (const name of ODD) expect(rows).toContain(name);
      expect(watched.faults).toEqual([]);
      await watched.close();
      await browser.close();
    });
  });
});
