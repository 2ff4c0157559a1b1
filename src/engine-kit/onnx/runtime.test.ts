import { describe, expect, it } from 'vitest';
import { deviceOptions, parseDevice } from './runtime.js';

describe('parseDevice', () => {
  it.each([
    ['cpu', { provider: 'cpu', index: 0, software: false }],
    ['webgpu', { provider: 'webgpu', index: 0, software: false }],
    ['webgpu:software', { provider: 'webgpu', index: 0, software: true }],
    ['cuda', { provider: 'cuda', index: 0, software: false }],
    ['cuda:3', { provider: 'cuda', index: 3, software: false }],
  ])('reads %s', (id, device) => {
    expect(parseDevice(id)).toEqual({ id, ...device });
  });

  it.each(['', 'CPU', 'cpu:1', 'webgpu:1', 'cuda:', 'cuda:-1', 'cuda:x', 'cuda:software', 'gpu', ' cuda'])(
    'refuses "%s"',
    (id) => {
      expect(() => parseDevice(id)).toThrow(/knows no device/);
    },
  );
});

describe('deviceOptions', () => {
  it('keeps the outputs that it is told on a WebGPU device, and lets CUDA have its number', () => {
    expect(deviceOptions(parseDevice('webgpu'), ['a', 'b']).preferredOutputLocation).toEqual({
      a: 'gpu-buffer',
      b: 'gpu-buffer',
    });
    expect(deviceOptions(parseDevice('cuda:2'), ['a'])).toEqual({
      executionProviders: [{ name: 'cuda', deviceId: 2 }],
    });
  });
});
