import { PLUGIN_API_VERSION, type PluginEntry } from '../../src/core/plugin/index.js';

/** Augmenters whose results are known: `add` adds a random amount, `swap` gives the partner, `redraw` tells strokes. */
export const knownAugmenters: readonly PluginEntry[] = ['add', 'swap', 'redraw'].map((name) => ({
  name,
  apiVersion: PLUGIN_API_VERSION,
  kind: 'augmenter',
  module: new URL(`${name}-augmenter.js`, import.meta.url).href,
}));
