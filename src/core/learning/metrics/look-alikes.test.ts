import { describe, expect, it } from 'vitest';
import { RobleError } from '../../base/errors.js';
import { checkLookAlikes, groupsOf } from './look-alikes.js';

const CLASSES = ['0', 'O', 'o', 'zero', 'one'];

const problemsOf = (lookAlikes: string[][]) => {
  try {
    checkLookAlikes(lookAlikes, CLASSES);
  } catch (error) {
    if (error instanceof RobleError && error.code === 'ROBLE_CONFIG_INVALID') return error.details.problems;
    throw error;
  }
  return [];
};

describe('checkLookAlikes', () => {
  it('accepts groups of classes, each class once', () => {
    expect(
      problemsOf([
        ['0', 'O', 'o'],
        ['zero', 'one'],
      ]),
    ).toEqual([]);
  });

  it('names every label that is no class or is in two places, with its path and what was meant', () => {
    expect(
      problemsOf([
        ['0', 'O', '0'],
        ['zeros', 'O'],
      ]),
    ).toEqual([
      { path: 'train.twins.0.2', message: '"0" is in another place of the groups already' },
      {
        path: 'train.twins.1.0',
        message: '"zeros" is no class of the data set',
        suggestion: 'Did you mean "zero"?',
      },
      { path: 'train.twins.1.1', message: '"O" is in another place of the groups already' },
    ]);
  });
});

it('groupsOf gives twins the same number, and nobody else', () => {
  const groups = groupsOf([['o', '0', 'O']], CLASSES);
  expect(groups[0]).toBe(groups[1]);
  expect(groups[0]).toBe(groups[2]);
  expect(new Set(groups).size).toBe(3);
});
