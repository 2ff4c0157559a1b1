import { availableParallelism } from 'node:os';
import { everyLayer, type Network } from '../../core/plugin/index.js';
import { fastestLowerings } from './autotune.js';
import { probeBlockSize } from './blocked-probe.js';
import type { GpuProvider, Provider } from './device/device.js';
import { convCandidates } from './lowerings/candidates.js';
import type { ConvLowering } from './lowerings/convolution.js';

/**
 * How a training step is computed: part of the run, since another plan sums in another order and gives other bits.
 * It goes into checkpoints, and a resumed run uses it again.
 */
export interface Plan {
  /** Absent: the CPU, on which plans were made first. */
  readonly provider?: GpuProvider;
  readonly threads: number;
  /** Channels in a block of the runtime's blocked layout here; 0: not used. */
  readonly blockSize: number;
  /** Of each convolution by name. */
  readonly convolutions: Readonly<Record<string, ConvLowering>>;
}

/**
 * Takes for each convolution, of the lowerings that its shape allows, those that are the fastest on this machine; on
 * GPUs, which have no blocked layout, the plain ones.
 */
export async function choosePlan(
  network: Network,
  batch: number,
  threads: number,
  provider: Provider = 'cpu',
): Promise<Plan> {
  if (provider !== 'cpu') return plainPlan(network, batch, threads, provider);
  const machine = { threads: threads || availableParallelism(), blockSize: await probeBlockSize() };
  const convolutions: Record<string, ConvLowering> = {};
  for (const layer of everyLayer(network.layers))
    if (layer.type === 'conv')
      convolutions[layer.name] = await fastestLowerings(
        layer,
        batch,
        convCandidates(layer, batch, machine.blockSize),
        machine,
      );
  return { ...machine, convolutions };
}

function plainPlan(network: Network, batch: number, threads: number, provider: GpuProvider): Plan {
  const convolutions: Record<string, ConvLowering> = {};
  for (const layer of everyLayer(network.layers)) {
    if (layer.type !== 'conv') continue;
    const { forward, inputGradient, weightGradient } = convCandidates(layer, batch, 0);
    convolutions[layer.name] = {
      forward: forward[0]!,
      inputGradient: inputGradient[0]!,
      weightGradient: weightGradient[0]!,
    };
  }
  return { provider, threads: threads || availableParallelism(), blockSize: 0, convolutions };
}

/**
 * A plan that was made earlier, if it is for this device: blocks of another width give wrong sums, not other ones, and
 * a plan for another kind of device is slow.
 */
export async function usablePlan(
  plan: Plan | undefined,
  provider: Provider = 'cpu',
): Promise<Plan | undefined> {
  if ((plan?.provider ?? 'cpu') !== provider) return undefined;
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
