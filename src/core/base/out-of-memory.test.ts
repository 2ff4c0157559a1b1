import { describe, expect, it } from 'vitest';
import { saysOutOfMemory } from './out-of-memory.js';

describe('saysOutOfMemory', () => {
  it.each([
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    "terminate called after throwing an instance of 'std::bad_alloc'",
    'Array buffer allocation failed',
    'fork: Cannot allocate memory',
    'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
    'Buffer size (4294967296) exceeds the max buffer size limit (2147483648): maxBufferSize',
    'Binding size is larger than the maximum storage buffer binding size: maxStorageBufferBindingSize',
    'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED',
    'CUDA_ERROR_OUT_OF_MEMORY',
    'OOM when allocating tensor with shape[64,28,28,32]',
  ])('knows a lack of memory: %s', (text) => expect(saysOutOfMemory(text)).toBe(true));

  it.each([
    'numbers_storage_buffers_ <= limits_.maxStorageBuffersPerShaderStage was false',
    'WebGPU device lost (2): Device was destroyed.',
    'Invalid typed array length: -1',
    'Bloom filter of the room',
  ])('takes no limit, loss or mistake for one that a smaller batch does not mend: %s', (text) =>
    expect(saysOutOfMemory(text)).toBe(false),
  );
});
