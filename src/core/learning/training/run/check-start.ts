import { splitOf } from '../../../data/dataset/open.js';
import { checkTwins } from '../../metrics/look-alikes.js';
import { resolveNetwork } from '../../../model/network.js';
import type { RunRequest } from './messages.js';
import { openRunData } from './run-data.js';
import { frozenLayers } from './frozen-layers.js';
import { modelFor } from './model-for.js';

/**
 * Checks what the settings of a run and the descriptions of its data tell by themselves, before it has a folder and a
 * process.
 *
 * @throws {RobleError} what the run would throw before its first step, as far as that costs no time
 */
export async function checkStart(
  request: Pick<RunRequest, 'dataset' | 'validation' | 'layers' | 'train'>,
): Promise<void> {
  const { layers, train } = request;
  const { dataset, validation } = await openRunData(request);
  splitOf(dataset, 'train');
  splitOf(validation, 'validation');
  checkTwins(train.twins, dataset.manifest.classes);
  frozenLayers(resolveNetwork(modelFor(dataset.manifest, layers)), train.frozen);
}
