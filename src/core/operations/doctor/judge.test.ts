import { describe, expect, it } from 'vitest';
import { judgePlace } from './disk.js';
import { judgeMemory, judgeNode } from './machine.js';

const GIB = 2 ** 30;

it('judgeNode compares numbers, not letters', () => {
  for (const [version, severity] of [
    ['20.19.0', 'ok'],
    ['20.100.0', 'ok'],
    ['22.1.0', 'ok'],
    ['20.9.0', 'failed'],
    ['18.20.4', 'failed'],
  ])
    expect([version, judgeNode(version!, '20.19')]).toMatchObject([version, { severity }]);
});

it('judgeMemory goes by what is free', () => {
  const of = (availableBytes: number) => judgeMemory({ totalBytes: 4 * GIB, availableBytes }).severity;
  expect([of(2 * GIB), of(GIB / 2), of(GIB / 8)]).toEqual(['ok', 'warning', 'failed']);
});

describe('judgePlace', () => {
  const place = { folder: '/data', type: 0xef53, freeBytes: 100 * GIB, bytesPerSecond: 1e9, syncMs: 1 };

  it('finds nothing wrong with a local disk with room, whether its speed was measured or not', () => {
    const { bytesPerSecond: _, ...untimed } = place;
    for (const facts of [place, untimed]) expect(judgePlace(facts).severity).toBe('ok');
  });

  it.each([
    ['failed', 'that cannot be written', { refusal: 'EROFS: read-only file system' }],
    ['failed', 'that is full', { freeBytes: 1000 }],
    ['failed', 'that takes no more files', { freeFiles: 3 }],
    ['warning', 'with little room', { freeBytes: GIB }],
    ['warning', 'that writes slowly', { bytesPerSecond: 1e6 }],
    ['warning', 'that is slow to be safe', { syncMs: 5000 }],
  ])('%s: a disk %s, with what to do', (severity, _, facts) => {
    const found = judgePlace({ ...place, ...facts });
    expect(found).toMatchObject({ severity, suggestion: [expect.any(String)] });
  });

  it('names a shared drive, which is no place for a database', () => {
    const shared = { ...place, type: 0x6969 };
    expect(judgePlace(shared)).toMatchObject({ severity: 'ok', message: expect.stringContaining('NFS') });
    expect(judgePlace(shared, { holdsDatabase: true })).toMatchObject({
      severity: 'warning',
      suggestion: [expect.stringContaining('PostgreSQL')],
    });
  });
});
