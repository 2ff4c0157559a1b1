/** Values for a trial run, in -1..1 and without zeros: sines at a pace. */
export function wave(count: number, pace: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * pace + 0.1));
}
