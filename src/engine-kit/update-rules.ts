import { everyLayer, type Network } from '../core/plugin/index.js';
import { type FlatLayout, flatFill, layerOf } from './flat-layout.js';

type LayerTest = (layer: string) => boolean;

/** Flat, as the weights: 1 where weight decay applies, 0 on biases, norms and frozen layers. */
export function decayMask(weights: FlatLayout, isFrozen: LayerTest): Float32Array {
  return flatFill(weights, ({ name, decay }) => (decay && !isFrozen(layerOf(name)) ? 1 : 0));
}

/** Flat, as the statistics: how far the running ones move to those of a batch; not at all in frozen layers. */
export function statisticsMomenta(
  { layers }: Network,
  statistics: FlatLayout,
  isFrozen: LayerTest,
): Float32Array {
  const momenta = new Map(
    [...everyLayer(layers)].flatMap((layer) =>
      layer.type === 'batchNorm' ? [[layer.name, layer.layer.momentum] as const] : [],
    ),
  );
  return flatFill(statistics, ({ name }) => (isFrozen(layerOf(name)) ? 0 : momenta.get(layerOf(name))!));
}
