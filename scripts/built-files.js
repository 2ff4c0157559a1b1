/**
 * Tests, benchmarks and scripts run what users run: an import of a source gives what the build made of it. A plugin of Vite
 * does it for tests; `node --import tsx --import ./scripts/built-files.js SCRIPT` for the others.
 */
import { register } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SOURCES = new URL('../src/', import.meta.url).href;
const BUILT = new URL('../dist/', import.meta.url).href;

/**
 * The built module that stands for an imported one.
 *
 * @param {string} specifier as it is imported
 * @param {string | undefined} importer URL of the module that imports it
 * @returns {string | undefined} its URL; undefined for what is not a source of the project, and for tests beside sources
 */
export function builtModule(specifier, importer) {
  if (!/^\.{0,2}\/|^file:/.test(specifier)) return undefined;
  const { href } = new URL(specifier, importer);
  if (!href.startsWith(SOURCES) || /\.test\.\w+$/.test(href)) return undefined;
  return href.replace(SOURCES, BUILT).replace(/\.tsx?$/, '.js');
}

if (!import.meta.url.endsWith('?hooks') && process.execArgv.some((word) => word.endsWith('built-files.js')))
  register(`${import.meta.url}?hooks`);

/** The same as a hook of Node. */
export function resolve(specifier, context, next) {
  return next(builtModule(specifier, context.parentURL) ?? specifier, context);
}

/** The same as a plugin of Vite. @returns {import('vitest/config').Plugin} */
export function builtFiles() {
  return {
    name: 'built-files',
    enforce: 'pre',
    resolveId(specifier, importer) {
      if (importer === undefined) return;
      const built = builtModule(specifier, pathToFileURL(importer.split('?')[0]).href);
      if (built) return { id: fileURLToPath(built), external: true };
    },
  };
}
