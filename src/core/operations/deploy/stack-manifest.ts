import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checkedJson } from '../../base/schema/checked.js';
import { replaceFile } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/exists.js';
import { choicesSchema } from './stack-settings.js';

/** Notes in the folder of a stack what was chosen and written, to tell later what somebody changed. */
export const STACK_MANIFEST = '.roble-stack.json';

const manifestSchema = z.strictObject({
  format: z.literal('roble-stack'),
  version: z.string(),
  /** What was chosen last; stays until it is chosen otherwise. */
  choices: choicesSchema.optional(),
  /** SHA-256 of each file as it was written. */
  files: z.record(z.string(), z.string()),
});
export type StackManifest = Omit<z.output<typeof manifestSchema>, 'format'>;

/**
 * Of a stack that was written before; undefined where none was.
 *
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a damaged manifest
 */
export async function readStackManifest(folder: string): Promise<StackManifest | undefined> {
  const path = join(folder, STACK_MANIFEST);
  if (!(await exists(path))) return undefined;
  return checkedJson(manifestSchema, await readFile(path, 'utf8'), 'ROBLE_STACK_INVALID', path);
}

/** @throws {RobleError} `ROBLE_WRITE_FAILED` */
export async function writeStackManifest(folder: string, manifest: StackManifest): Promise<void> {
  const content = JSON.stringify({ format: 'roble-stack', ...manifest }, null, 2);
  await replaceFile(join(folder, STACK_MANIFEST), `${content}\n`);
}
