/** Puts what the page of `roble serve` needs besides its code beside that. */
import { copyFile } from 'node:fs/promises';

for (const name of ['index.html', 'style.css', 'icon.svg'])
  await copyFile(
    new URL(`../src/web/${name}`, import.meta.url),
    new URL(`../dist/web/${name}`, import.meta.url),
  );
