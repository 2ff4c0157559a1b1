/** A training engine whose numbers are known: for tests of what is decided by them. */
import { RobleError } from 'roble/plugin';

/** Samples that fit into its memory at once. */
export const MEMORY = 100;
/** Beyond it a step is not applied. */
export const LARGEST_RATE = 0.5;
/** The loss falls around this learning rate, from 2.2 to 0.2. */
export const STEEPEST_RATE = 1e-3;

export const plugin = {
  name: 'scripted',
  async devices() {
    return [{ id: 'cpu', description: 'a script' }];
  },
  async open(_model, { batchSize }) {
    let inMemory = batchSize;
    const unused = () => Promise.reject(new Error('not used by these tests'));
    return {
      async step(_batch, { learningRate }) {
        if (inMemory > MEMORY) throw new RobleError('ROBLE_OUT_OF_MEMORY', 'The batch is too large.');
        if (batchSize > 32) await new Promise((resolve) => setTimeout(resolve, 150));
        const loss = 0.2 + 2 / (1 + (learningRate / STEEPEST_RATE) ** 2);
        return { loss, accuracy: 0.5, gradientNorm: 1, applied: learningRate <= LARGEST_RATE };
      },
      async setMicrobatchSize(size) {
        inMemory = size;
      },
      evaluate: unused,
      exportState: unused,
      async importState() {},
      exportOnnx: unused,
      async close() {},
    };
  },
};
