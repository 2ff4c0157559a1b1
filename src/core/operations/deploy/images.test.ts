import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { glob } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { ACTIONS, IMAGES } from './stack-settings.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** All that names an image, an action or a version of Node. */
async function lines(): Promise<{ at: string; text: string }[]> {
  const files = await glob(['Dockerfile', '*.md', '.github/**/*.yml', 'docs/**/*.md', 'templates/**/*'], {
    cwd: ROOT,
    dot: true,
  });
  expect(files).toEqual(
    expect.arrayContaining(['Dockerfile', '.github/workflows/ci.yml', 'templates/deploy/Dockerfile']),
  );
  const texts = await Promise.all(files.map((file) => readFile(`${ROOT}${file}`, 'utf8')));
  return texts.flatMap((text, i) =>
    text.split('\n').map((line, number) => ({ at: `${files[i]}:${number + 1}`, text: line })),
  );
}

/** What differs from the one place: by name, what follows it on a line. */
async function others(known: readonly string[], separator: string, value: string): Promise<string[]> {
  const found: string[] = [];
  for (const { at, text } of await lines())
    for (const entry of known) {
      const name = entry.split(separator)[0]!;
      const pattern = new RegExp(`(?<![\\w./-])${name}${separator}(${value})`, 'g');
      for (const [reference] of text.matchAll(pattern))
        if (reference !== entry) found.push(`${at}: ${reference}`);
    }
  return found;
}

describe('IMAGES and ACTIONS', () => {
  it('name each image by an exact version, and the Node that is maintained', () => {
    for (const image of Object.values(IMAGES))
      expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$/);
    expect(IMAGES.node).toMatch(/^node:24\./);
  });

  it('are what every file names', async () => {
    expect(await others(Object.values(IMAGES), ':', 'v?\\d+\\.[\\w.-]*\\w')).toEqual([]);
    expect(await others(Object.values(ACTIONS), '@', '[\\w.-]+( # \\S+)?')).toEqual([]);
  });

  it('and so is the Node of workflows', async () => {
    const [, major] = /^node:(\d+)/.exec(IMAGES.node)!;
    const versions = (await lines()).filter(({ text }) => /^\s*node-version: \d/.test(text));
    expect(versions.length).toBeGreaterThan(5);
    expect(versions.filter(({ text }) => !text.endsWith(`: ${major}`))).toEqual([]);
  });
});
