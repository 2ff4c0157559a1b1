import type { TrainingEngine } from '../../core/plugin/index.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { loadTensorFlow } from './tensorflow.js';
import { TfjsTrainingSession } from './training-session.js';

/** Trains with TensorFlow.js: by its tape of gradients, on the backend of the best package that is installed. */
export const plugin: TrainingEngine = {
  name: 'tfjs',
  async devices() {
    const { name, version, backend, usesGpu, warnings } = await loadTensorFlow({
      device: 'auto',
      threads: 0,
    });
    const by = backend === 'tensorflow' ? 'TensorFlow' : 'plain JavaScript';
    const notes = warnings.map((warning) => `; ${warning}`).join('');
    const cpu = { id: 'cpu', description: `CPU by ${by}, ${name} ${version}${notes}` };
    return usesGpu ? [{ id: 'cuda', description: `GPU by TensorFlow, ${name} ${version}` }, cpu] : [cpu];
  },
  async open(model, options) {
    const network = resolveNetwork(model);
    return new TfjsTrainingSession(await loadTensorFlow(options), network, options);
  },
};
