import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's browser, without a window, with a camera that shows a test picture to whom it is allowed. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream'],
  });
}

/** A page of its own, and what went wrong on it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts and of the console, such as violations of the content security policy, and foreign requests. */
  readonly faults: string[];
  close(): Promise<void>;
}

/** Opens a page that notes every fault, and every request that does not go to its own server. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'blob:') faults.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}

/** Strokes in shares of the pad, drawn with the mouse. */
export type Strokes = readonly (readonly (readonly [x: number, y: number])[])[];

/** An upright ring, and bars as in the letter. */
export const RING: Strokes = [
  Array.from({ length: 25 }, (_, i) => [
    0.5 + 0.2 * Math.sin((i / 12) * Math.PI),
    0.5 - 0.33 * Math.cos((i / 12) * Math.PI),
  ]),
];
export const LETTER_T: Strokes = [
  [
    [0.2, 0.2],
    [0.8, 0.2],
  ],
  [
    [0.5, 0.2],
    [0.5, 0.85],
  ],
];

export async function drawWithMouse(page: Page, strokes: Strokes): Promise<void> {
  const { x, y, width, height } = (await page.locator('#pad').boundingBox())!;
  for (const [first, ...rest] of strokes) {
    await page.mouse.move(x + first![0] * width, y + first![1] * height);
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(x + point[0] * width, y + point[1] * height);
    await page.mouse.up();
  }
}
