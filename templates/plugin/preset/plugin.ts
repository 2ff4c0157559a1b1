import type { Preset } from 'roble/plugin';

export const plugin: Preset = {
  name: '<%= it.name %>',
  description: 'Two stages of convolutions and a small head.',
  layers: [
    { type: 'conv', filters: 24, bias: false },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'maxPool' },
    {
      type: 'residual',
      layers: [
        { type: 'conv', filters: 48, bias: false },
        { type: 'batchNorm' },
        { type: 'relu' },
        { type: 'conv', filters: 48, bias: false },
        { type: 'batchNorm' },
      ],
    },
    { type: 'relu' },
    { type: 'globalAveragePool' },
    { type: 'dropout', rate: 0.1 },
    { type: 'dense', units: 'classes' },
  ],
  // Settings of `train` that take the place of their defaults; what the user sets comes before them.
  train: { epochs: 20, batchSize: 64, learningRate: 0.003, schedule: { type: 'oneCycle' } },
};
