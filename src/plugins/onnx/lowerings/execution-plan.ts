import { availableParallelism } from 'node:os';
import { everyLayer, type Network } from '../../../core/plugin/index.js';
import type { GpuProvider, Provider } from '../../../engine-kit/onnx/runtime.js';
import { fastestWeightGradient } from './autotune.js';
import { type ConvLowering, convCandidates, type WeightGradientLowering } from './convolution.js';
import { probeBlockSize } from './probe-blocks.js';

/**
 * How a training step is computed: part of the run, since another plan sums in another order and gives other bits.
 * It goes into checkpoints, and a resumed run uses it again.
 */
export interface ExecutionPlan {
  /** Absent: the CPU, on which plans were made first. */
  readonly provider?: GpuProvider;
  readonly threads: number;
  /**
   * `blocked`: pictures stay in blocks from layer to layer. Absent: only within a convolution, as in plans that were made
   * before there was a choice.
   */
  readonly layout?: 'blocked';
  /** Channels in a block of the runtime's blocked layout here; 0: not used. */
  readonly blockSize: number;
  /** Of each convolution by name. */
  readonly convolutions: Readonly<Record<string, ConvLowering>>;
}

/**
 * Lays pictures in blocks where the runtime can, and chooses for each convolution the fastest on this machine of the
 * lowerings that its shape allows; on GPUs, which have no blocked layout, the plain ones.
 */
export async function choosePlan(
  network: Network,
  batch: number,
  threads: number,
  provider: Provider = 'cpu',
): Promise<ExecutionPlan> {
  const isCpu = provider === 'cpu';
  const blockSize = isCpu ? await probeBlockSize() : 0;
  const machine = { threads: threads || availableParallelism(), blockSize };
  const convolutions: Record<string, ConvLowering> = {};
  for (const layer of everyLayer(network.layers)) {
    if (layer.type !== 'conv') continue;
    const { weightGradients, ...given } = convCandidates(layer, batch, blockSize);
    const weightGradient = isCpu
      ? await fastestWeightGradient(layer, batch, weightGradients, machine)
      : weightGradients[0]!;
    convolutions[layer.name] = { ...given, weightGradient };
  }
  return {
    ...(!isCpu && { provider }),
    ...machine,
    ...(blockSize > 0 && { layout: 'blocked' }),
    convolutions,
  };
}

/**
 * A plan that was made earlier, if it is for this device: blocks of another width give wrong sums, not other ones, and
 * a plan for another kind of device is slow.
 */
export async function usablePlan(
  plan: ExecutionPlan | undefined,
  provider: Provider = 'cpu',
): Promise<ExecutionPlan | undefined> {
  if ((plan?.provider ?? 'cpu') !== provider) return undefined;
  const fits = plan && (plan.blockSize === 0 || plan.blockSize === (await probeBlockSize()));
  return fits ? plan : undefined;
}

/** Ways in which the batch plays the channels. */
const WHOLE_BLOCKS_OF_SAMPLES: readonly WeightGradientLowering[] = [
  'blockedWide',
  'blocked',
  'blockedSwapped',
];

/** The plan for a part of the batch, whose size need not be whole blocks. */
export function planForSize(plan: ExecutionPlan, size: number): ExecutionPlan {
  if (plan.blockSize === 0 || size % plan.blockSize === 0) return plan;
  const convolutions = Object.entries(plan.convolutions).map(([name, lowering]) => [
    name,
    WHOLE_BLOCKS_OF_SAMPLES.includes(lowering.weightGradient)
      ? { ...lowering, weightGradient: 'im2col' }
      : lowering,
  ]);
  return { ...plan, convolutions: Object.fromEntries(convolutions) };
}
