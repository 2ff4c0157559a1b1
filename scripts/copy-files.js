/** Puts what is no TypeScript, and is needed by what was built, beside that. */
import { copyFile } from 'node:fs/promises';

const FILES = {
  'src/web/index.html': 'dist/web/index.html',
  'src/web/style.css': 'dist/web/style.css',
  'src/web/icon.svg': 'dist/web/icon.svg',
  // npm publishes no package-lock.json; by this one an installed roble makes the image of deploy:compose.
  'package-lock.json': 'dist/npm-shrinkwrap.json',
};

for (const [from, to] of Object.entries(FILES))
  await copyFile(new URL(`../${from}`, import.meta.url), new URL(`../${to}`, import.meta.url));
