import type { Device, TrainingEngine } from '../../core/plugin/index.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { type LoadedTensorFlow, loadTensorFlow } from './tensorflow.js';
import { TfjsTrainingSession } from './training-session.js';

/** Trains with TensorFlow.js: by its tape of gradients, on the backend of the best package that is installed. */
export const plugin: TrainingEngine = {
  name: 'tfjs',
  async devices() {
    return devicesOf(await loadTensorFlow({ device: 'auto', threads: 0 }));
  },
  async open(model, options) {
    const network = resolveNetwork(model);
    return new TfjsTrainingSession(await loadTensorFlow(options), network, options);
  },
};

/** TensorFlow tells whether it uses a GPU, not how many there are: the first stands for them. */
function devicesOf({ name, version, backend, usesGpu, warnings }: LoadedTensorFlow): Device[] {
  const by = backend === 'tensorflow' ? 'TensorFlow' : 'plain JavaScript';
  const notes = warnings.map((warning) => `; ${warning}`).join('');
  const cpu: Device = {
    id: 'cpu',
    kind: 'cpu',
    description: `CPU by ${by}, ${name} ${version}${notes}`,
  };
  if (!usesGpu) return [cpu];
  return [cpu, { id: 'cuda:0', kind: 'gpu', description: `GPU by TensorFlow, ${name} ${version}` }];
}
