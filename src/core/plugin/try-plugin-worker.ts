import { answerCalls } from '../base/process/answer-calls.js';
import { checkPlugin } from './check-plugin.js';
import type { PluginEntry } from './contracts.js';
import { importPlugin } from './import-plugin.js';
import { shareOwnModules } from './own-modules.js';

export interface TriedPlugin {
  /** Milliseconds that its module took to load. */
  readonly loadMs: number;
  /** The plugin's own line about itself. */
  readonly description?: string;
}

export type PluginTrial = typeof start;
answerCalls(start);

function start(_: Readonly<Record<string, never>>) {
  return {
    async try(entry: PluginEntry): Promise<TriedPlugin & { readonly faults: readonly string[] }> {
      shareOwnModules(entry.module);
      const before = performance.now();
      const plugin = await importPlugin(entry);
      const loadMs = performance.now() - before;
      const faults = checkPlugin(entry.kind, plugin, entry.name);
      const description = (plugin as { description?: unknown }).description;
      return { faults, loadMs, ...(typeof description === 'string' && { description }) };
    },
  };
}
