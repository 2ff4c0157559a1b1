import { describe, expect, it } from 'vitest';
import { Cancellation } from '../request/urgency.js';
import { Explanations } from './explanations.js';

/** Work that is done when the test says so. */
function heldWork(started: string[], name: string) {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const make = async () => {
    started.push(name);
    await held;
    return { images: 5 };
  };
  return { make, release: () => release() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('Explanations', () => {
  it('are made one at a time, in their order, and one that gives up lets nobody past', async () => {
    const explanations = new Explanations();
    const started: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => heldWork(started, name));
    const cancellation = new Cancellation();
    const one = explanations.inTurn({}, first!.make);
    const two = explanations.inTurn({ cancellation }, second!.make);
    const three = explanations.inTurn({}, third!.make);
    cancellation.cancel('abandoned');
    await expect(two).rejects.toMatchObject({ code: 'ROBLE_REQUEST_ABANDONED' });
    await settled();
    expect(started).toEqual(['first']);
    first!.release();
    await one;
    await settled();
    expect(started).toEqual(['first', 'third']);
    third!.release();
    await three;
    expect(explanations.toJSON()).toEqual({ made: 2, images: 10, inHand: 0 });
  });

  it('go on after one that failed, and refuse more than a few', async () => {
    const explanations = new Explanations();
    const { make, release } = heldWork([], 'first');
    const failing = explanations.inTurn({}, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    const taken = Array.from({ length: 8 }, () => explanations.inTurn({}, make));
    await expect(explanations.inTurn({}, make)).rejects.toMatchObject({ code: 'ROBLE_SERVER_BUSY' });
    release();
    expect(await Promise.all(taken)).toHaveLength(8);
  });
});
