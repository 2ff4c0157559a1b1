import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setMode } from './permissions.js';

/**
 * Folders of the server, made here so that Docker does not make them as root. Those with predictions and secrets are for their
 * owner alone, as whom the APIs and the backups run; node-exporter reads the metrics, and an image may hold the models.
 */
const MODES = { models: 0o755, metrics: 0o755, backups: 0o700, keys: 0o700, secrets: 0o700 } as const;

/** What belongs to the user of the containers. */
export const CONTAINERS_OWN = ['keys', 'models', 'backups', 'metrics'] as const;

export async function makeServerFolders(folder: string): Promise<void> {
  for (const [name, mode] of Object.entries(MODES)) {
    await mkdir(join(folder, name), { recursive: true });
    await setMode(join(folder, name), mode);
  }
}
