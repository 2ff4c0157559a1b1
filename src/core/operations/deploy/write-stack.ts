import { dirname, join } from 'node:path';
import { z } from 'zod';
import { checkedJson } from '../../base/schema/checked.js';
import { replaceFile, sha256 } from '../../base/storage/durable.js';
import { absentAsUndefined, exists } from '../../base/storage/files.js';
import { readPlainFile, readPlainText } from '../../base/storage/read-file.js';
import { makeReadable, makeReadableFolder, modeOf } from './permissions.js';
import type { StackFile } from './render-stack.js';
import { choicesSchema } from './stack-settings.js';

/**
 * - `new`: was not there
 * - `updated`: was as roble wrote it, and is now newer
 * - `unchanged`: is what it would be
 * - `kept`: the user changed it, and it stays
 * - `replaced`: the user changed it; that version lies beside it as `FILE.before`
 */
export type FileState = 'new' | 'updated' | 'unchanged' | 'kept' | 'replaced';

export interface PlannedFile {
  readonly path: string;
  readonly state: FileState;
  /** From what is there to what roble would write, as a patch; of texts that were changed. */
  readonly diff?: string;
}

export interface WriteStackOptions extends Pick<StackManifest, 'version' | 'choices'> {
  readonly folder: string;
  readonly dryRun: boolean;
  /** Asked for each file that the user changed: is it to be replaced? */
  readonly replace: (file: { readonly path: string; readonly diff: string }) => boolean | Promise<boolean>;
}

/**
 * Writes files into the folder of a stack. What the user changed since roble wrote it is never lost: it stays, or
 * is kept beside the new one.
 *
 * @throws {RobleError} `ROBLE_STACK_INVALID` for a damaged manifest, `ROBLE_WRITE_FAILED`
 */
export async function writeStack(
  files: readonly StackFile[],
  { folder, version, choices, dryRun, replace }: WriteStackOptions,
): Promise<PlannedFile[]> {
  const written = (await readStackManifest(folder))?.files ?? {};
  const planned: PlannedFile[] = [];
  const hashes: Record<string, string> = {};
  for (const file of files) {
    const target = join(folder, file.path);
    const present = await readPlainFile(target).catch(absentAsUndefined);
    const plan = await planOf(file, present, written[file.path], replace);
    planned.push(plan);
    // The manifest keeps the hash of what roble wrote: the file counts as changed the next time, too.
    hashes[file.path] = plan.state === 'kept' ? (written[file.path] ?? '') : sha256(file.content);
    if (dryRun || plan.state === 'kept') continue;
    await makeReadableFolder(folder, dirname(file.path));
    if (plan.state === 'replaced') await replaceFile(await freeName(`${target}.before`), present!);
    if (plan.state === 'unchanged') await makeReadable(target, file.isExecutable);
    else await replaceFile(target, file.content, modeOf(file.isExecutable));
  }
  if (!dryRun) await writeStackManifest(folder, { version, choices, files: hashes });
  return planned;
}

async function planOf(
  { path, content }: StackFile,
  present: Buffer | undefined,
  written: string | undefined,
  replace: WriteStackOptions['replace'],
): Promise<PlannedFile> {
  if (present === undefined) return { path, state: 'new' };
  if (present.equals(Buffer.from(content))) return { path, state: 'unchanged' };
  const diff = await patch(path, present, content);
  if (written === sha256(present)) return { path, state: 'updated', ...(diff && { diff }) };
  return { path, state: (await replace({ path, diff })) ? 'replaced' : 'kept', diff };
}

async function patch(path: string, present: Buffer, content: string | Buffer): Promise<string> {
  if (typeof content !== 'string') return '';
  const { createTwoFilesPatch } = await import('diff');
  return createTwoFilesPatch(path, path, present.toString(), content, 'yours', "roble's");
}

async function freeName(path: string): Promise<string> {
  for (let i = 1; ; i++) {
    const name = i === 1 ? path : `${path}-${i}`;
    if (!(await exists(name))) return name;
  }
}

/** Records in the folder of a stack what was chosen and written, so that changes by the user can be seen later. */
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
  return checkedJson(manifestSchema, await readPlainText(path), 'ROBLE_STACK_INVALID', path);
}

/** @throws {RobleError} `ROBLE_WRITE_FAILED` */
async function writeStackManifest(folder: string, manifest: StackManifest): Promise<void> {
  const content = JSON.stringify({ format: 'roble-stack', ...manifest }, null, 2);
  await replaceFile(join(folder, STACK_MANIFEST), `${content}\n`);
}
