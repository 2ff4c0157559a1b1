import { expect, it } from 'vitest';
import { createProgressText } from './line-reporters.js';

it('tells the rate since the first report of a piece of work', () => {
  let time = 5_000;
  const text = createProgressText(() => time);
  const at = (ms: number, done: number, id = 'a') => {
    time = 5_000 + ms;
    return text({ type: 'progress', id, done, total: 4000, unit: 'images' });
  };
  // What an interrupted run had made counts for nothing.
  expect(at(0, 1000)).toBe('1,000/4,000 images (25%)');
  expect(at(100, 1500)).toBe('1,500/4,000 images (37%)');
  expect(at(2000, 3000)).toBe('3,000/4,000 images (75%), 1,000 images/s');
  expect(at(2000, 10, 'b')).toBe('10/4,000 images (0%)');
  expect(at(3000, 500)).toBe('500/4,000 images (12%)');
  expect(at(4000, 2500)).toBe('2,500/4,000 images (62%), 2,000 images/s');
});
