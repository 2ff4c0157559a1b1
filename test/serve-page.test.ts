import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { PredictionStore } from '../src/core/serving/predictions/prediction-store.js';
import { createServer, type RobleServer, trainModel } from '../src/index.js';
import {
  drawWithMouse,
  LETTER_T,
  openPage,
  RING,
  startBrowser,
  type WatchedPage,
} from './support/browser.js';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

/** Two cores, shared with other suites. */
const SLOW = { timeout: 20_000 };

let root: string;
/** Of the predictions of the server. */
let database: string;
let remove: () => Promise<void>;
/** Knows 0, 1, A and T, drawn by hand. */
let server: RobleServer;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-page'));
  database = join(root, 'predictions.db');
  const dataset = await tinyDataset(join(root, 'dataset'));
  const run = join(root, 'run');
  const train = { epochs: 8, batchSize: 16, threads: 1, learningRate: 0.01 };
  await trainModel({ dataset, run, model: { preset: 'cnn-small' }, train });
  server = await createServer({
    model: join(run, 'model'),
    port: 0,
    workers: 0,
    predictions: { url: database } as never,
  });
});
afterAll(async () => {
  await server.close();
  await remove();
});

describe('the page', () => {
  const get = (path: string, headers: Record<string, string> = {}, at = server) =>
    fetch(at.url + path, { headers });

  it('comes with a policy that lets nothing in from elsewhere, and holds no inline code or style', async () => {
    const response = await get('/');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const html = await response.text();
    expect(html).not.toMatch(/<style|<script(?! type="module" src="page\/)|\sstyle=|\son\w+=/);
    for (const [, path] of html.matchAll(/(?:src|href)="([^"#]+)"/g))
      expect((await get(`/${path}`)).status).toBe(200);
  });

  it('is sent again only when it has changed', async () => {
    for (const path of ['/', '/page/main.js', '/page/style.css']) {
      const first = await get(path);
      expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-cache']);
      const etag = first.headers.get('etag')!;
      expect((await get(path, { 'if-none-match': etag })).status).toBe(304);
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
  });

  it('can be switched off', async () => {
    const own = await createServer({ model: join(root, 'run', 'model'), port: 0, workers: 0, page: false });
    try {
      expect((await get('/', {}, own)).status).toBe(404);
      expect((await get('/page/main.js', {}, own)).status).toBe(404);
    } finally {
      await own.close();
    }
  });
});

describeWith('chromium', 'chromium')('in a browser, the page', () => {
  let browser: Browser;
  const opened: WatchedPage[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    const faults = opened.flatMap((watched) => watched.faults);
    for (const watched of opened.splice(0)) await watched.close();
    expect(faults).toEqual([]);
  });

  async function open(options: BrowserContextOptions = {}, at = server): Promise<Page> {
    const watched = await openPage(browser, at.url, options);
    opened.push(watched);
    return watched.page;
  }
  /** A page whose time the test moves on. */
  async function openWithClock(): Promise<Page> {
    const page = await open();
    await page.clock.install();
    await page.reload();
    return page;
  }
  const best = (page: Page) =>
    page
      .locator('#best:visible')
      .textContent({ timeout: 1000 })
      .catch(() => '');
  const answers = (page: Page, label: string) => expect.poll(() => best(page), SLOW).toBe(label);

  it('answers what the mouse draws, takes strokes back, and clears', async () => {
    const page = await open();
    await drawWithMouse(page, RING);
    await answers(page, '0');
    await page.click('#clear');
    await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
    await drawWithMouse(page, LETTER_T);
    await answers(page, 'T');
    await page.click('#undo');
    await page.keyboard.press('Control+z');
    await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
  });

  it('shows the guesses with their shares, what the model sees, and who answered', async () => {
    const page = await open();
    await drawWithMouse(page, LETTER_T);
    await answers(page, 'T');
    const rows = await page.locator('#guesses li').allInnerTexts();
    expect(rows).toHaveLength(4);
    const shares = rows.map((row) => Number(/([\d.]+) %/.exec(row)![1]));
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    const [widest, next] = await page.$$eval('.fill', (fills) => fills.map(({ clientWidth }) => clientWidth));
    expect(widest).toBeGreaterThan(next!);
    expect(await page.locator('#answered-by').textContent()).toContain(server.model.digest.slice(0, 8));
    expect(await page.locator('#seen-size').textContent()).toContain('12 × 12');
    const seen = await page.evaluate<number[]>(`{
      const canvas = document.getElementById('seen');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
    }`);
    const response = await fetch(`${server.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ drawing: { strokes: LETTER_T }, include: ['input'] }),
    });
    const { input } = (await response.json()) as { input: { pixels: string } };
    const expected = [...Buffer.from(input.pixels, 'base64')];
    // The hand of the mouse is steady, up to a unit of the pad.
    const distance = seen.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / seen.length;
    expect(distance).toBeLessThan(4);
  });

  it('answers what a finger draws, and a second finger draws nothing', async () => {
    const page = await open({ hasTouch: true, viewport: { width: 390, height: 800 } });
    const client = await page.context().newCDPSession(page);
    const { x, y, width, height } = (await page.locator('#pad').boundingBox())!;
    const at = ([left, top]: readonly [number, number], id: number) => ({
      x: x + left * width,
      y: y + top * height,
      id,
    });
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', touchPoints: ReturnType<typeof at>[]) =>
      client.send('Input.dispatchTouchEvent', { type, touchPoints });
    const [first, ...rest] = RING[0]!;
    await touch('touchStart', [at(first!, 0)]);
    for (const point of rest) await touch('touchMove', [at(point, 0), at([0.9, 0.9], 1)]);
    await touch('touchEnd', []);
    await answers(page, '0');
    await page.click('#undo');
    await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
    expect(await page.evaluate('scrollY')).toBe(0);
  });

  it('can be drawn on by keyboard alone, and says what it does', async () => {
    const page = await open();
    const press = async (key: string, times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
    };
    for (let i = 0; i < 10; i++) {
      if ((await page.evaluate('document.activeElement.id')) === 'draw-panel') break;
      await press('Tab');
    }
    await press('ArrowLeft', 8);
    await press('ArrowUp', 8);
    await press('Space');
    await expect.poll(() => page.locator('#pen-status').textContent()).toContain('Pen down, 18 %');
    await press('ArrowRight', 16);
    await press('Space');
    await press('ArrowLeft', 8);
    await press('Space');
    await press('ArrowDown', 16);
    await press('Space');
    await answers(page, 'T');
    expect(await page.locator('#answer-status').textContent()).toMatch(/^T, [\d.]+ %/);
    await press('Backspace', 2);
    await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
  });

  it('asks the model that was chosen of several, with its classes', async () => {
    const models = join(root, 'models');
    await cp(join(root, 'run', 'model'), join(models, 'letters', '1'), { recursive: true });
    await tinyBundle(join(models, 'quarters', '1'));
    // Without a model for requests that name none.
    const own = await createServer({ models, port: 0, workers: 0 });
    try {
      const page = await open({}, own);
      const select = page.locator('#model-select');
      await expect
        .poll(() => select.locator('option').allTextContents(), SLOW)
        .toEqual(['letters', 'quarters']);
      await drawWithMouse(page, LETTER_T);
      await answers(page, 'T');
      await select.selectOption('quarters');
      await expect.poll(() => best(page), SLOW).toMatch(/^(top|bottom)-/);
      expect(await page.locator('#answered-by').textContent()).toContain('quarters');
      await page.click('#clear');
      expect(await page.locator('#known').textContent()).toContain(TINY_CLASSES.join(', '));
      expect(await seriousViolations(page)).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('asks once at a time, and then what is newest', async () => {
    const page = await openWithClock();
    const asked: number[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/predict?*', async (route) => {
      asked.push(route.request().postDataJSON().drawing.strokes.length);
      await held;
      await route.continue();
    });
    await drawWithMouse(page, RING);
    await expect.poll(() => asked, SLOW).toEqual([1]);
    await page.click('#clear');
    for (const stroke of LETTER_T) {
      await drawWithMouse(page, [stroke]);
      // Longer than the pause after which it would ask.
      await page.clock.fastForward(500);
    }
    expect(asked).toEqual([1]);
    expect(await page.locator('#result').isVisible()).toBe(false);
    release();
    await answers(page, 'T');
    expect(asked).toEqual([1, 2]);
  });

  it('shows the statistics of the server, which go on', async () => {
    const page = await openWithClock();
    const requests = async () => Number(await page.locator('#stat-requests').textContent());
    await expect.poll(requests, SLOW).toBeGreaterThan(0);
    const before = await requests();
    await drawWithMouse(page, RING);
    await answers(page, '0');
    await page.clock.fastForward(5000);
    await expect.poll(requests, SLOW).toBeGreaterThan(before);
    expect(await page.locator('#model-digest').getAttribute('title')).toBe(server.model.digest);
    expect(await page.locator('#stat-workers').textContent()).toBe('1 of 1');
  });

  it('takes corrections, the last one counts, and keeps the drawing only when it may', async () => {
    const page = await open();
    await drawWithMouse(page, RING);
    await answers(page, '0');
    const thanks = (label: string) =>
      expect.poll(() => page.locator('#correction-status').textContent(), SLOW).toContain(`“${label}”`);
    await page.click('.chip:text-is("A")');
    await thanks('A');
    expect(await page.locator('.chip[aria-pressed=true]').allTextContents()).toEqual(['A']);
    expect(await page.locator('#other').isVisible()).toBe(false);
    await page.click('.chip:text-is("1")');
    await thanks('1');
    const kept = await feedback();
    expect(kept.map(({ label }) => label)).toEqual(['1']);
    expect(kept[0]!.pixels).toBeUndefined();
    await page.check('#consent');
    await page.click('.chip:text-is("T")');
    await thanks('T');
    expect((await feedback()).map(({ label, pixels }) => [label, pixels?.length])).toEqual([['T', 12 * 12]]);
    expect(await page.locator('#consent-label').isVisible()).toBe(true);
  });

  async function feedback() {
    const store = new PredictionStore(database, { readOnly: true });
    const kept = [];
    for await (const { feedback } of store.read({ withFeedback: true, withPixels: true }))
      kept.push(feedback!);
    await store.close();
    return kept;
  }

  it('asks for no correction where the server keeps no predictions', async () => {
    const own = await createServer({ model: join(root, 'run', 'model'), port: 0, workers: 0 });
    try {
      const page = await open({}, own);
      await expect.poll(() => page.locator('#statistics').isVisible(), SLOW).toBe(true);
      await drawWithMouse(page, LETTER_T);
      await answers(page, 'T');
      expect(await page.locator('#correction').isVisible()).toBe(false);
    } finally {
      await own.close();
    }
  });

  it('asks for the key of a server that wants one, again when it is wrong, and keeps it for the tab', async () => {
    const keysFile = join(root, 'keys.json');
    const { key } = await createKey(keysFile, { name: 'page', scopes: ['predict', 'metrics'] });
    const model = join(root, 'run', 'model');
    const own = await createServer({ model, port: 0, workers: 0, access: { keysFile } as never });
    try {
      const page = await open({}, own);
      const form = page.locator('#key-form');
      await expect.poll(() => form.isVisible(), SLOW).toBe(true);
      expect(await page.evaluate('document.activeElement.id')).toBe('key');
      expect(await seriousViolations(page)).toEqual([]);
      await page.fill('#key', 'wrong');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.locator('#key-hint').textContent(), SLOW).toContain('did not accept');
      await page.fill('#key', key);
      await page.keyboard.press('Enter');
      await expect.poll(() => page.locator('#statistics').isVisible(), SLOW).toBe(true);
      expect(await form.isVisible()).toBe(false);
      await page.reload();
      await drawWithMouse(page, LETTER_T);
      await answers(page, 'T');
      expect(await form.isVisible()).toBe(false);
      const { faults } = opened.at(-1)!;
      expect(faults.splice(0).filter((fault) => !fault.includes('401'))).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('leads with images where the model sees photographs, finds any of many classes, and still lets draw', async () => {
    const page = await open();
    const classes = ['0', '1', 'A', 'T', ...Array.from({ length: 996 }, (_, i) => `kind ${i}`)];
    await page.route('**/stats', async (route) => {
      const response = await route.fetch();
      const stats = await response.json();
      const input = { width: 224, height: 224, channels: 3 };
      await route.fulfill({ response, json: { ...stats, model: { ...stats.model, input, classes } } });
    });
    await page.reload();
    await expect.poll(() => page.locator('#image-panel').isVisible(), SLOW).toBe(true);
    await page.check('#mode-draw', { force: true });
    await drawWithMouse(page, LETTER_T);
    await answers(page, 'T');
    await page.fill('#other-input', 'KIND 77');
    expect(await page.locator('[role=option]').allTextContents()).toEqual([
      'kind 77',
      ...Array.from({ length: 10 }, (_, i) => `kind 77${i}`),
    ]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const active = await page.locator('#other-input').getAttribute('aria-activedescendant');
    expect(await page.locator(`#${active}`).textContent()).toBe('kind 770');
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    // The model itself knows four classes: the server says so.
    await expect.poll(() => page.locator('#correction-status').textContent(), SLOW).toContain('0 1 A T');
    const { faults } = opened.at(-1)!;
    expect(faults.splice(0).filter((fault) => !/status of 4/.test(fault))).toEqual([]);
  });

  it('takes image files: chosen, dropped and pasted; says what is wrong with one', async () => {
    const model = await tinyBundle(join(root, 'quarters'));
    const own = await createServer({ model, port: 0, workers: 0 });
    try {
      const page = await open({}, own);
      const name = 'picture.png';
      await page.setInputFiles('#file', { name, mimeType: 'image/png', buffer: await quarterPng(2) });
      await answers(page, TINY_CLASSES[2]!);
      expect(await page.locator('#preview').getAttribute('alt')).toContain(name);
      await give(page, 'drop', await quarterPng(1));
      await answers(page, TINY_CLASSES[1]!);
      await give(page, 'paste', await quarterPng(3));
      await answers(page, TINY_CLASSES[3]!);
      await page.click('#remove');
      await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
      const broken = (await quarterPng(0)).subarray(0, 50);
      await page.setInputFiles('#file', { name, mimeType: 'image/png', buffer: broken });
      await expect.poll(() => page.locator('#problem').textContent(), SLOW).toMatch(/truncated|ends/);
      expect(opened.at(-1)!.faults.splice(0).join()).toContain('422');
    } finally {
      await own.close();
    }
  });

  it('shows where an answer stands as colours over the picture, and in words', async () => {
    const model = await tinyBundle(join(root, 'heat'));
    const own = await createServer({ model, port: 0, workers: 0 });
    try {
      const page = await open({ reducedMotion: 'reduce' }, own);
      await page.check('#mode-image', { force: true });
      const buffer = await quarterPng(1);
      await page.setInputFiles('#file', { name: 'picture.png', mimeType: 'image/png', buffer });
      await answers(page, TINY_CLASSES[1]!);
      const words = () => page.locator('#why-status').textContent();
      const heat = page.locator('#heat');
      await page.click('#why-show');
      await expect.poll(words, SLOW).toMatch(/^“top-right” stands most on the (top )?right: .* falls from/);
      expect(await heat.isVisible()).toBe(true);
      const [warm, cold] = await page.evaluate<number[]>(`{
        const { width, height } = document.getElementById('heat-map');
        const { data } = document.getElementById('heat-map').getContext('2d').getImageData(0, 0, width, height);
        const lightAt = (x, y) => {
          const at = 4 * (y * height * width + x * width);
          return 0.3 * data[at] + 0.6 * data[at + 1] + 0.1 * data[at + 2];
        };
        [lightAt(0.75, 0.25), lightAt(0.25, 0.75)];
      }`);
      expect(warm! - cold!).toBeGreaterThan(100);
      expect(await seriousViolations(page)).toEqual([]);
      await page.selectOption('#why-class', TINY_CLASSES[2]!);
      expect(await heat.isVisible()).toBe(false);
      await page.click('#why-show');
      await expect.poll(words, SLOW).toContain('“bottom-left” stands on no single place');
      await page.click('#remove');
      await expect.poll(() => page.locator('#idle').isVisible(), SLOW).toBe(true);
    } finally {
      await own.close();
    }
  });

  it('offers no heat map where the server makes none', async () => {
    const own = await createServer({
      model: join(root, 'run', 'model'),
      port: 0,
      workers: 0,
      explain: false,
    });
    try {
      const page = await open({}, own);
      await expect.poll(() => page.locator('#statistics').isVisible(), SLOW).toBe(true);
      await drawWithMouse(page, LETTER_T);
      await answers(page, 'T');
      expect(await page.locator('#why').isVisible()).toBe(false);
    } finally {
      await own.close();
    }
  });

  it('takes pictures with the camera, and lets go of it then', async () => {
    const page = await open({ permissions: ['camera'] });
    await page.check('#mode-image', { force: true });
    const isOn = () => page.evaluate<boolean>("document.getElementById('camera-view').srcObject !== null");
    await page.click('#camera-open');
    await expect.poll(isOn, SLOW).toBe(true);
    expect(await seriousViolations(page)).toEqual([]);
    await page.click('#camera-close');
    expect([await isOn(), await page.locator('#image-panel').isVisible()]).toEqual([false, true]);
    await page.click('#camera-open');
    await expect.poll(() => page.locator('#camera-take[aria-disabled=false]').count(), SLOW).toBe(1);
    await page.click('#camera-take');
    await expect.poll(() => page.locator('#result').isVisible(), SLOW).toBe(true);
    expect([await isOn(), await page.locator('#preview').isVisible()]).toEqual([false, true]);
  });

  it('says why there is no camera: not allowed, or no secure address', async () => {
    const page = await open();
    const problem = async () => {
      await page.check('#mode-image', { force: true });
      await page.click('#camera-open');
      await expect.poll(() => page.locator('#camera-problem').isVisible(), SLOW).toBe(true);
      return page.locator('#camera-problem').textContent();
    };
    expect(await problem()).toMatch(/does not let this page use the camera.*drop or paste an image instead/);
    await page.check('#mode-draw', { force: true });
    expect(await page.locator('#camera-problem').isVisible()).toBe(false);
    // The same server under an address that browsers take for that of another machine.
    await page.goto(`http://0.0.0.0:${server.address.port}`);
    expect(await problem()).toContain('https:// or localhost only');
    const { faults } = opened.at(-1)!;
    expect(faults.splice(0).filter((fault) => !/untrustworthy|0\.0\.0\.0/.test(fault))).toEqual([]);
  });

  it('can be used by everybody: in light, in the dark and on a narrow screen', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    const wide = page.viewportSize()!;
    const looks = [
      { colorScheme: 'light', viewport: wide },
      { colorScheme: 'dark', viewport: wide },
      { colorScheme: 'light', viewport: { width: 320, height: 600 } },
    ] as const;
    const checkLooks = async (state: string) => {
      for (const { colorScheme, viewport } of looks) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize(viewport);
        const look = `${state}, ${colorScheme}, ${viewport.width}`;
        expect(await seriousViolations(page), look).toEqual([]);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width, look).toBeLessThanOrEqual(viewport.width);
      }
    };
    await expect.poll(() => page.locator('#statistics').isVisible(), SLOW).toBe(true);
    await checkLooks('empty');
    // On the narrow screen, which is the last of the looks.
    await drawWithMouse(page, LETTER_T);
    await answers(page, 'T');
    await checkLooks('answered');
    expect(await page.evaluate("getComputedStyle(document.querySelector('.fill')).transitionDuration")).toBe(
      '0s',
    );
    await page.check('#mode-image', { force: true });
    await checkLooks('image');
  });
});

/** Drops a file on the page, or pastes it. */
async function give(page: Page, how: 'drop' | 'paste', png: Buffer): Promise<void> {
  await page.evaluate(`{
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(${JSON.stringify([...png])})], 'given.png', { type: 'image/png' }));
    const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
    document.body.dispatchEvent(
      ${how === 'drop' ? "new DragEvent('drop', options)" : "new ClipboardEvent('paste', options)"},
    );
  }`);
}

interface AxeResult {
  violations: { id: string; impact: string; nodes: { html: string }[] }[];
}

async function seriousViolations(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResult>("axe.run({ resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
