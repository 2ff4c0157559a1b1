import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs podman beside its service, to build images. What it mounts is seen by nobody else. */
export async function podman(words: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  await promisify(execFile)('unshare', ['--mount', 'podman', ...words], {
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
}
