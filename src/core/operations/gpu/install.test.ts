import { describe, expect, it } from 'vitest';
import { INSTALLABLE, install, installPlan } from './install.js';

/** An installation whose program says something and fails. */
const failing = (words: string) =>
  install({
    ...installPlan('tensorflow', '.'),
    program: 'sh',
    args: ['-c', 'echo "$0" >&2; exit 1', words],
  });

describe('install', () => {
  it.each([
    ['npm error getaddrinfo ENOTFOUND storage.googleapis.com', 'HTTPS_PROXY'],
    ['connect ETIMEDOUT 10.0.0.1:443', 'try again'],
    ['unable to verify: SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['EACCES: permission denied, mkdir', 'as its owner'],
    ['ENOSPC: no space left on device', 'disk is full'],
    ['node-pre-gyp ERR! install', 'use Node 20'],
    ['404 Not Found - GET', 'does not have it'],
  ])('explains %s', async (words, advice) => {
    await expect(failing(words)).rejects.toMatchObject({
      code: 'ROBLE_INSTALL_FAILED',
      details: { received: words, nextSteps: expect.arrayContaining([expect.stringContaining(advice)]) },
    });
  });

  it('is done when the program is', async () => {
    await install({ ...installPlan('cuda', '.'), program: process.execPath, args: ['-e', ''] });
  });
});

describe('installPlan', () => {
  it.each(INSTALLABLE)('of %s says what is downloaded and what it needs', (what) => {
    const { args, about, needs } = installPlan(what, '/project');
    expect(args.length).toBeGreaterThan(0);
    expect(about).toMatch(/MB/);
    expect(needs).toMatch(/x86-64/);
  });
});
