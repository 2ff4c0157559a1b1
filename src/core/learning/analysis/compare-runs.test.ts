import { describe, expect, it } from 'vitest';
import { recordedRun } from '../../../../test/support/history.js';
import type { RecordedRun } from '../history/recorded-run.js';
import { compareRecordedRuns } from './compare-runs.js';

/** A run of one epoch, in a folder of its own. */
function trained(
  learningRate: number,
  seed: number,
  valAccuracy: number,
  more: Partial<RecordedRun> = {},
): RecordedRun {
  const path = `runs/${learningRate}-${seed}`;
  const settings = {
    id: path,
    run: path,
    name: path,
    dataset: `/data/${seed}`,
    dataFingerprint: 'abc',
    layers: [{ type: 'conv', filters: 32 }],
    train: { learningRate, seed, keepCheckpoints: seed, retry: { maxRetries: seed } },
  };
  return recordedRun([{ epoch: 1, metrics: { valAccuracy, valLoss: 1 - valAccuracy } }], {
    path,
    name: path,
    settings,
    ...more,
  });
}

const compare = (runs: readonly RecordedRun[], metric?: string) => compareRecordedRuns(runs, metric, {});

describe('the comparison of runs', () => {
  it('groups what differs in the seed alone, ranks by the mean, and names the difference', () => {
    const { groups, metric } = compare([
      trained(0.1, 0, 0.7),
      trained(0.01, 0, 0.8),
      trained(0.1, 1, 0.74),
      trained(0.01, 1, 0.82),
    ]);
    expect(metric).toBe('valAccuracy');
    expect(groups.map(({ label, runs }) => [label, runs.length])).toEqual([
      ['learningRate=0.01', 2],
      ['learningRate=0.1', 2],
    ]);
    expect(groups[1]!.mean).toBeCloseTo(0.72, 12);
    expect(groups[1]!.standardDeviation).toBeCloseTo(0.04 / Math.SQRT2, 12);
    expect(groups[0]!.settings).toEqual({ 'train.learningRate': '0.01' });
  });

  it('ranks losses the other way round', () => {
    const { groups } = compare([trained(0.1, 0, 0.7), trained(0.01, 0, 0.8)], 'valLoss');
    expect(groups[0]!.label).toBe('learningRate=0.01');
  });

  it('pairs by seed: what varies with the seed alone hides no difference', () => {
    const bySeed = [0.6, 0.7, 0.8, 0.65, 0.75];
    const runs = bySeed.flatMap((value, seed) => [
      trained(0.1, seed, value),
      trained(0.01, seed, value + 0.02 + seed * 0.001),
    ]);
    const { duels } = compare([...runs, trained(0.01, 99, 0.1)]);
    expect(duels[0]!.seeds).toEqual([0, 1, 2, 3, 4]);
    expect(duels[0]!.meanDifference).toBeCloseTo(-0.022, 12);
    expect(duels[0]!.test!.pValue).toBeLessThan(0.001);
  });

  it('says that a difference within the spread is none, and how many seeds would tell', () => {
    const differences = [0.03, -0.02, 0.01, -0.015];
    const runs = differences.flatMap((difference, seed) => [
      trained(0.1, seed, 0.7),
      trained(0.01, seed, 0.7 + difference),
    ]);
    const [duel] = compare(runs).duels;
    expect(duel!.test!.adjustedPValue).toBeGreaterThan(0.05);
    expect(duel!.verdict).toContain('Cannot be told apart');
  });

  it('ranks single runs, and says that it is no evidence', () => {
    const [duel] = compare([trained(0.1, 0, 0.7), trained(0.01, 0, 0.8)]).duels;
    expect(duel!.test).toBeUndefined();
    expect(duel!.verdict).toContain('No evidence: with 1 common seed');
  });

  it('counts a seed once, however often it was run', () => {
    const again = { path: 'runs/again', name: 'again' };
    const { groups } = compare([trained(0.1, 0, 0.7), trained(0.1, 0, 0.7, again), trained(0.01, 0, 0.8)]);
    expect(groups[1]).toMatchObject({ seeds: [{ seed: 0, value: 0.7 }], standardDeviation: null });
  });

  it('adjusts for several tests', () => {
    const runs = [0, 1, 2, 3].flatMap((seed) => [
      trained(0.1, seed, 0.9 + seed * 0.001),
      trained(0.01, seed, 0.8 + seed * 0.004),
      trained(0.001, seed, 0.7 + seed * 0.003),
    ]);
    const ratios = compare(runs).duels.map(({ test }) => test!.adjustedPValue / test!.pValue);
    expect(ratios.sort()).toEqual([1, 2]);
  });

  it('takes each file of another program for itself', () => {
    const foreign = { format: 'columns', settings: {}, events: [] } as const;
    const { groups } = compare([
      trained(0.1, 0, 0.7, { ...foreign, path: 'a.json', name: 'a.json' }),
      trained(0.1, 1, 0.8, { ...foreign, path: 'b.json', name: 'b.json' }),
    ]);
    expect(groups.map(({ label }) => label)).toEqual(['b.json', 'a.json']);
  });

  it('refuses a metric that a run does not have, or that is no quality', () => {
    const runs = [trained(0.1, 0, 0.7), trained(0.01, 0, 0.8)];
    expect(() => compare(runs, 'valAcuracy')).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ nextSteps: ['Did you mean "valAccuracy"?'] }),
      }),
    );
    expect(() => compare(runs, 'learningRate')).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
  });
});
