import { availableParallelism } from 'node:os';
import { everyLayer, type Network, type ResolvedConv } from '../../core/plugin/index.js';
import { probeBlockSize } from './blocked-probe.js';
import type { ConvLowering } from './lowerings/convolution.js';

/**
 * How a training step is computed: part of the run, since another plan sums in another order and gives other bits.
 * It goes into checkpoints, and a resumed run uses it again.
 */
export interface Plan {
  readonly threads: number;
  /** Channels in a block of the runtime's blocked layout here; 0: not used. */
  readonly blockSize: number;
  /** Of each convolution by name. */
  readonly convolutions: Readonly<Record<string, ConvLowering>>;
}

/**
 * Chooses the lowerings from the shapes, by rules that were measured (docs/engine.md). An autotuner that times the
 * candidates takes this function's place: its result is of the same form.
 */
export async function choosePlan(network: Network, batch: number, threads: number): Promise<Plan> {
  const blockSize = await probeBlockSize();
  const convolutions: Record<string, ConvLowering> = {};
  for (const layer of everyLayer(network.layers))
    if (layer.type === 'conv') convolutions[layer.name] = chooseConvolution(layer, batch, blockSize);
  return { threads: threads || availableParallelism(), blockSize, convolutions };
}

/** A plan that was made earlier, if it fits this machine: blocks of another width give wrong sums, not other ones. */
export async function usablePlan(plan: Plan | undefined): Promise<Plan | undefined> {
  const fits = plan && (plan.blockSize === 0 || plan.blockSize === (await probeBlockSize()));
  return fits ? plan : undefined;
}

/** The plan for a part of the batch, whose size need not be whole blocks. */
export function planForSize(plan: Plan, size: number): Plan {
  if (plan.blockSize === 0 || size % plan.blockSize === 0) return plan;
  const convolutions = Object.entries(plan.convolutions).map(([name, lowering]) => [
    name,
    lowering.weightGradient !== 'im2col' ? { ...lowering, weightGradient: 'im2col' } : lowering,
  ]);
  return { ...plan, convolutions: Object.fromEntries(convolutions) };
}

function chooseConvolution(layer: ResolvedConv, batch: number, blockSize: number): ConvLowering {
  const fits = (channels: number) => blockSize > 0 && channels % blockSize === 0;
  const unitStride = layer.window.stride.every((side) => side === 1);
  const blocked = fits(layer.input[0]) && fits(layer.output[0]);
  return {
    forward: blocked ? 'blocked' : 'plain',
    inputGradient: unitStride ? (blocked ? 'blocked' : 'flipped') : 'transposed',
    weightGradient: fits(layer.output[0]) && unitStride && fits(batch) ? 'blocked' : 'im2col',
  };
}
