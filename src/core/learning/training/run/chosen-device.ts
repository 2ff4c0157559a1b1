import type { TrainOptions } from '../../../config/schema.js';
import type { Context } from '../../../base/context.js';
import { chooseDevice } from '../../choose-device.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import type { RunRequest } from './messages.js';

/**
 * The settings with the device that `train.device` stands for: it is part of the run, so that a resume takes the same
 * one. Says which one it took, and why, where the user did not name it.
 *
 * @returns what `run.json` holds of it
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE`, `ROBLE_PLUGIN_UNKNOWN`
 */
export async function withChosenDevice(
  train: TrainOptions,
  { registry, reporter }: Context & { readonly registry: PluginRegistry },
): Promise<Pick<RunRequest, 'train' | 'deviceReason'>> {
  const { device, why } = await chooseDevice(train, registry);
  if (why) reporter?.report({ type: 'note', message: `Device ${device} of ${train.engine}: ${why}.` });
  return { train: { ...train, device }, ...(why !== undefined && { deviceReason: why }) };
}
