/**
 * How programs and libraries word a lack of memory. A device that is lost is none of these: a smaller batch does not bring
 * it back, another process may.
 */
const TEXTS: readonly RegExp[] = [
  // Allocators, V8, the C++ library, the kernel.
  /out of memory|(?:failed to|cannot) allocate memory|allocation failed|bad_alloc|bad allocation|std::length_error/i,
  // GPU drivers and their libraries.
  /out_of_(?:(?:device|host|pool)_)?memory|E_OUTOFMEMORY|ALLOC_FAILED|cudaErrorMemoryAllocation/i,
  // WebGPU, of a tensor beyond what it can bind.
  /maxStorageBufferBindingSize|maxBufferSize/i,
  // TensorFlow, whose code of exhausted resources is 8.
  /Invalid TF_Status: 8\b|OOM when allocating|Resource ?Exhausted/i,
];

/** Whether a text, such as the message of an error or the last words of a process, speaks of a lack of memory. */
export function saysOutOfMemory(text: string): boolean {
  return TEXTS.some((pattern) => pattern.test(text));
}
