import type { ModelChoice } from '../learning/settings.js';
import type { LoadedConfig } from './load.js';

/**
 * The model of the configuration where someone chose it; undefined where it is the default, which gives way to the
 * architecture of a bundle that a run starts from.
 */
export function chosenModel({
  config,
  origins,
}: Pick<LoadedConfig, 'config' | 'origins'>): ModelChoice | undefined {
  const isChosen = Object.entries(origins).some(
    ([key, { source }]) => key.split('.')[0] === 'model' && source !== 'default',
  );
  return isChosen ? config.model : undefined;
}
