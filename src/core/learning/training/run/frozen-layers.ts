import { type Problem, RobleError } from '../../../base/errors.js';
import { everyLayer, type Network } from '../../../model/network.js';
import { didYouMean } from '../../../base/text.js';

/**
 * The layers with weights that the patterns of `train.frozen` name: a name, or the beginning of names with a `*` after
 * it. The name of a residual block stands for all in it.
 *
 * @returns names, in the order of the network
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for patterns that name nothing, or when nothing is left to train
 * @example
 * frozenLayers(network, ['conv*', 'batchNorm1']); // ['conv1', 'batchNorm1', 'conv2']
 */
export function frozenLayers(network: Network, patterns: readonly string[]): string[] {
  const layers = [...everyLayer(network.layers)];
  const weighted = layers.filter(({ parameters }) => parameters.length > 0);
  const blocks = layers.filter(({ type }) => type === 'residual');
  const known = [...weighted, ...blocks].map(({ name }) => name);
  const problems = patterns.flatMap((pattern, i): Problem[] => {
    if (known.some((name) => matches(pattern, name))) return [];
    const [suggestion] = didYouMean(pattern, known);
    return [
      {
        path: `train.frozen.${i}`,
        message: `no layer with weights is called "${pattern}"`,
        ...(suggestion !== undefined && { suggestion }),
      },
    ];
  });
  if (problems.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'Layers that do not exist cannot be frozen.', {
      expected: `some of ${known.join(', ')}, or the beginning of names and a *`,
      problems,
    });
  const isFrozen = (name: string) => patterns.some((pattern) => matchesWithin(pattern, name));
  const frozen = weighted.map(({ name }) => name).filter(isFrozen);
  if (frozen.length === weighted.length && frozen.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'With every layer frozen there is nothing to train.', {
      received: `train.frozen: ${patterns.join(', ')}`,
      expected: 'at least one layer with weights that is not frozen, such as the last one',
    });
  return frozen;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Whether a pattern names a layer or a block around it. */
function matchesWithin(pattern: string, name: string): boolean {
  const parts = name.split('.');
  return parts.some((_, i) => matches(pattern, parts.slice(0, i + 1).join('.')));
}
