import { PLUGIN_API_VERSION, type PluginEntry } from '../../src/core/plugin/index.js';

/**
 * Augmenters whose results are known: `add` adds a random amount, `swap` gives the partner, `redraw` shows strokes, `count`
 * counts the copies of its instance.
 */
export const knownAugmenters: readonly PluginEntry[] = ['add', 'swap', 'redraw', 'count'].map((name) => ({
  name,
  apiVersion: PLUGIN_API_VERSION,
  kind: 'augmenter',
  module: new URL(`${name}-augmenter.js`, import.meta.url).href,
}));
