/** A serving backend for servers that compute in the process of a test, which says when each batch is answered. */
const CLASSES = 4;

export const plugin = {
  name: 'held',
  async load() {
    return { warmUp: async () => {}, predict, close: async () => {} };
  },
};

async function predict(images, count) {
  await globalThis.holdBatch?.(images, count);
  return new Float32Array(CLASSES * count).fill(1 / CLASSES);
}
