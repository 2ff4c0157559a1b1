import { availableParallelism } from 'node:os';
import type { TrainingEngine } from '../../core/plugin/index.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { usableGpus } from './device/probe.js';
import { OnnxTrainingSession } from './training-session.js';

/** Trains with ONNX Runtime: the whole step is one graph of plain operators. */
export const plugin: TrainingEngine = {
  name: 'onnx',
  async devices() {
    return [
      { id: 'cpu', description: `CPU, ${availableParallelism()} threads`, kind: 'cpu', software: false },
      ...(await usableGpus()),
    ];
  },
  async open(model, options) {
    return OnnxTrainingSession.create(resolveNetwork(model), options);
  },
};
