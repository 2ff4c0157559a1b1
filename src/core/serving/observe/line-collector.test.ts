import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LineCollector } from './server-log.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('writes a line after a pause at once, and those that follow it together, in their order', () => {
  const written: string[] = [];
  const collector = new LineCollector((lines) => written.push(lines));
  for (const line of ['one\n', 'two\n', 'three\n']) collector.add(line);
  expect(written).toEqual(['one\n']);
  vi.advanceTimersByTime(20);
  expect(written).toEqual(['one\n', 'two\nthree\n']);
  vi.advanceTimersByTime(1000);
  collector.add('four\n');
  expect(written).toEqual(['one\n', 'two\nthree\n', 'four\n']);
});

it('keeps few lines in memory, and gives out the rest when it is told to', () => {
  const written: string[] = [];
  const collector = new LineCollector((lines) => written.push(lines));
  const lines = Array.from({ length: 1000 }, (_, i) => `${String(i).padStart(99, '.')}\n`);
  for (const line of lines) collector.add(line);
  expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(16_384 + 100);
  collector.flush();
  expect(written.join('')).toBe(lines.join(''));
});
