import { RobleError } from '../base/errors.js';
import { startThread, WorkerDied } from '../base/process/workers.js';
import type { PluginEntry } from './contracts.js';
import { describePlugin } from './guard.js';
import type { PluginTrial, TriedPlugin } from './try-plugin-worker.js';

/** A module that has not loaded by then, or an augmenter that has not changed a few small pictures, never will. */
const TIMEOUT_MS = 10_000;

/**
 * Loads a plugin in a thread of its own and looks whether it is what it says, as {@link checkPlugin} does.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 */
export async function tryPlugin(entry: PluginEntry, timeoutMs = TIMEOUT_MS): Promise<TriedPlugin> {
  const name = describePlugin(entry);
  const thread = startThread<PluginTrial>(new URL('./try-plugin-worker.js', import.meta.url), {}, { name });
  try {
    const { faults, ...tried } = await thread.call('try', entry, { timeoutMs });
    if (faults.length === 0) return tried;
    throw invalid(entry, `${name} cannot be used: ${faults.join('; ')}.`);
  } catch (error) {
    if (error instanceof WorkerDied)
      throw invalid(
        entry,
        error.exit.killedFor === 'deadline'
          ? `${name} did not return within ${timeoutMs / 1000} seconds.`
          : `${name} ended the thread that tried it (exit code ${error.exit.code}).`,
        error,
      );
    const { code, message, details } = RobleError.from(error);
    if (code === 'ROBLE_PLUGIN_INVALID')
      throw details.nextSteps
        ? error
        : new RobleError(code, message, { ...details, nextSteps: stepsFor(entry) });
    throw invalid(entry, `${name} failed when it was tried: ${message}`, error);
  } finally {
    // Its end may take as long as what it does.
    void thread.kill();
  }
}

const stepsFor = ({ package: origin }: PluginEntry): string[] => [
  `Tell the authors of ${origin?.name ?? 'the plugin'}, use another version of it, or take it out of the configuration.`,
  '"roble plugins" shows all plugins and what is wrong with them.',
];

function invalid(entry: PluginEntry, message: string, cause?: unknown): RobleError {
  return new RobleError('ROBLE_PLUGIN_INVALID', message, {
    received: entry.module,
    nextSteps: stepsFor(entry),
    ...(cause !== undefined && { cause }),
  });
}
