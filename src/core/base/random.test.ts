import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash32, philox4x32, Random, type RandomPurpose } from './random.js';

const words = (text: string) => text.split(' ').map((word) => Number.parseInt(word, 16));

describe('Philox4x32-10', () => {
  // The known answers that the authors publish with their library Random123 (kat_vectors).
  it.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('of counter %s and key %s', (counter, key, expected) => {
    const out = new Uint32Array(4);
    philox4x32(words(counter) as [number, number, number, number], words(key) as [number, number], out);
    expect(Array.from(out)).toEqual(words(expected));
  });

  it('multiplies without loss: agrees with arithmetic on big integers', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffffffff });
    const reference = (counter: readonly number[], key: readonly number[]) => {
      let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
      let [k0, k1] = key.map(BigInt) as [bigint, bigint];
      const mask = 0xffffffffn;
      for (let round = 0; round < 10; round++) {
        const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
        [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
        [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
      }
      return [c0, c1, c2, c3].map(Number);
    };
    fc.assert(
      fc.property(fc.tuple(uint32, uint32, uint32, uint32), fc.tuple(uint32, uint32), (counter, key) => {
        const out = new Uint32Array(4);
        philox4x32(counter, key, out);
        expect(Array.from(out)).toEqual(reference(counter, key));
      }),
      { seed: 20 },
    );
  });
});

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32());
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('Random', () => {
  it('gives a stream that its seed, purpose and indices determine', () => {
    expect(draw(new Random(1, 'shuffle', 2, 3), 2000)).toEqual(draw(new Random(1, 'shuffle', 2, 3), 2000));
    const [a, b] = [new Random(1, 'shuffle', 2, 3), new Random(1, 'dropout')];
    const mixed = Array.from({ length: 300 }, () => [a.uint32(), b.uint32()][0]!);
    expect(mixed).toEqual(draw(new Random(1, 'shuffle', 2, 3), 300));
  });

  it('gives the same numbers of a stream however many of them are computed at once', () => {
    const all = draw(new Random(2, 'augment', 3, 4, 5), 1000);
    const blocks = Array.from({ length: 250 }, (_, block) => {
      const words = new Uint32Array(4);
      philox4x32([block, 5, 3, 4], [2, 6], words);
      return Array.from(words);
    });
    expect(all).toEqual(blocks.flat());
  });

  it('never repeats a block within a stream', () => {
    // 4,000 words of 32 bits hold a pair of equal ones with chance 0.2 %; equal neighbours twice over, practically never.
    const values = draw(new Random(3, 'synthesize'), 4000);
    const pairs = new Set(values.slice(1).map((value, i) => `${values[i]},${value}`));
    expect(pairs.size).toBe(3999);
  });

  it('has streams that do not overlap: another seed, purpose or index gives other, uncorrelated numbers', () => {
    const purposes: RandomPurpose[] = [
      'initialize',
      'shuffle',
      'dropout',
      'split',
      'synthesize',
      'augment',
      'mixup',
      'balance',
      'hash',
    ];
    const streams = [
      ...purposes.map((purpose) => new Random(5, purpose)),
      new Random(6, 'shuffle'),
      new Random(5, 'shuffle', 1),
      new Random(5, 'shuffle', 0, 1),
      new Random(5, 'shuffle', 1, 0xffffffff),
      new Random(5, 'shuffle', 0, 0, 1),
    ].map((random) => Array.from({ length: 4096 }, () => random.float() - 0.5));
    const all = new Set(streams.flat());
    // 49,152 of 2^32 values collide about 0.3 times by chance.
    expect(all.size).toBeGreaterThan(49_152 - 6);
    for (const [i, x] of streams.entries())
      for (const y of streams.slice(i + 1)) {
        const correlation = mean(x.map((value, k) => value * y[k]!)) * 12;
        // Standard deviation 1/64; five of them for the 66 pairs.
        expect(Math.abs(correlation)).toBeLessThan(5 / 64);
      }
  });

  it('is uniform: chi-squared over 256 cells of the high and of the low byte', () => {
    const values = draw(new Random(7, 'augment'), 256 * 200);
    for (const byteOf of [(value: number) => value >>> 24, (value: number) => value & 255]) {
      const cells = new Array<number>(256).fill(0);
      for (const value of values) cells[byteOf(value)]!++;
      const statistic = cells.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
      // 255 degrees of freedom: mean 255, standard deviation 22.6; five of them on both sides.
      expect(Math.abs(statistic - 255)).toBeLessThan(113);
    }
  });

  it('draws floats in [0, 1), uniform numbers in their range and integers below their bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 1, max: 0xffffffff }),
        (seed, bound) => {
          const random = new Random(seed, 'split');
          const [float, uniform, integer] = [random.float(), random.uniform(-2, 3), random.integer(bound)];
          expect(float >= 0 && float < 1 && uniform >= -2 && uniform < 3).toBe(true);
          expect(Number.isInteger(integer) && integer >= 0 && integer < bound).toBe(true);
        },
      ),
      { seed: 20 },
    );
  });

  it('draws integers without modulo bias', () => {
    // Of 2^32 = 3 * 2^30 + 2^30, a plain remainder by 3 * 2^30 would give its first third twice as often.
    const random = new Random(11, 'split');
    const bound = 3 * 2 ** 30;
    const share = mean(Array.from({ length: 4000 }, () => (random.integer(bound) < 2 ** 30 ? 1 : 0)));
    // 1/3 with standard deviation 0.0075; the biased share would be 1/2.
    expect(Math.abs(share - 1 / 3)).toBeLessThan(0.04);
  });

  it('draws normal numbers with mean 0, variance 1 and the normal share within one deviation', () => {
    const random = new Random(13, 'initialize');
    const values = Array.from({ length: 20_000 }, () => random.normal());
    // Five standard deviations of each estimate: 0.0071, 0.01 and 0.0033.
    expect(Math.abs(mean(values))).toBeLessThan(0.036);
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(values.map((value) => (Math.abs(value) < 1 ? 1 : 0))) - 0.6827)).toBeLessThan(0.017);
  });

  it('permutes: every number once, in the same order for the same stream', () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat(), (count, seed) => {
        const order = new Random(seed, 'shuffle').permutation(count);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(new Random(seed, 'shuffle').permutation(count)).toEqual(order);
      }),
      { seed: 20 },
    );
  });

  it('gives each of the 24 orders of four things equally often', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 4800; seed++) {
      const order = new Random(seed, 'shuffle').permutation(4).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 200 each with standard deviation 13.8; five of them.
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(70);
  });

  it('shuffles in place and gives the same list back', () => {
    const items = ['a', 'b', 'c', 'd', 'e'];
    const shuffled = new Random(1, 'shuffle').shuffle(items);
    expect(shuffled).toBe(items);
    expect([...shuffled].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('hash32', () => {
  // Published test values of 32-bit FNV-1a.
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('of "%s"', (text, expected) => expect(hash32(text)).toBe(expected));
});
