import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { cacheFolder } from '../../base/storage/cache.js';
import { sha256 } from '../../base/storage/durable.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import type { BackboneSettings } from './settings.js';

/** The bytes of a backbone, and what they are. */
export interface BackboneFile {
  /** File name, without its folder. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** The largest file that is fetched: protobuf, and so an ONNX file, ends there too. */
const MAX_BYTES = 2 ** 31;
/** How long a download may stand still. */
const STALL_MS = 60_000;

/**
 * Reads a backbone: a file, or a URL, which is fetched into the user's cache folder once.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_FILE_UNREADABLE`, `ROBLE_BACKBONE_INVALID` where it is not the file
 *   whose SHA-256 the settings name, `ROBLE_SERVER_UNREACHABLE`
 */
export async function obtainBackbone({
  file,
  sha256: wanted,
}: Pick<BackboneSettings, 'file' | 'sha256'>): Promise<BackboneFile> {
  if (file.includes('://')) return download(file, wanted);
  const bytes = await readPlainFile(file);
  const found = { name: basename(file), sha256: sha256(bytes), bytes };
  if (wanted !== undefined && found.sha256 !== wanted) throw another(file, found.sha256, wanted);
  return found;
}

async function download(text: string, wanted: string | undefined): Promise<BackboneFile> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url && /^(localhost|127\.|\[::1\])/.test(url.hostname);
  if (!url || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)))
    throw new RobleError('ROBLE_BACKBONE_INVALID', `The backbone cannot be fetched from ${text}.`, {
      received: text,
      expected: 'a URL that begins with https://, or the path of a file',
    });
  const name = basename(url.pathname) || 'backbone.onnx';
  const folder = join(cacheFolder(), 'backbones');
  await mkdir(folder, { recursive: true });
  if (wanted !== undefined) {
    const kept = await readPlainFile(join(folder, `${wanted}.onnx`)).catch(() => undefined);
    if (kept && sha256(kept) === wanted) return { name, sha256: wanted, bytes: kept };
  }
  const found = await fetchInto(folder, url);
  if (found === wanted)
    return { name, sha256: found, bytes: await readPlainFile(join(folder, `${found}.onnx`)) };
  if (wanted !== undefined) throw another(text, found, wanted);
  throw new RobleError('ROBLE_BACKBONE_INVALID', 'A backbone that is fetched needs its SHA-256.', {
    received: `${text}, and no model.backbone.sha256`,
    expected: 'the SHA-256 of the file, so that it is the same in every run',
    nextSteps: [
      `If the file that is there now is the one that you mean, set model.backbone.sha256 to ${found}.`,
    ],
  });
}

function another(file: string, received: string, expected: string): RobleError {
  return new RobleError('ROBLE_BACKBONE_INVALID', `${file} is not the backbone that is meant.`, {
    received: `SHA-256 ${received}`,
    expected: `SHA-256 ${expected}`,
    nextSteps: ['Fetch the file again, or correct model.backbone.sha256.'],
  });
}

/** Fetches a file, which is then called by its SHA-256, and gives that. */
async function fetchInto(folder: string, url: URL): Promise<string> {
  await removeLeftovers(folder);
  const partial = join(folder, `.partial-${process.pid}-${Date.now()}`);
  const failed = (received: string, cause?: unknown) =>
    new RobleError('ROBLE_SERVER_UNREACHABLE', `The backbone could not be fetched from ${url}.`, {
      received,
      expected: 'an ONNX file',
      nextSteps: ['Fetch it by other means, and name the file instead of the URL.'],
      cause,
    });
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${STALL_MS / 1000} s`)), STALL_MS);
  const handle = await open(partial, 'wx');
  try {
    const answer = await fetch(url, { signal: stalled.signal });
    if (!answer.ok || !answer.body) throw failed(`status ${answer.status}`);
    const digest = createHash('sha256');
    let size = 0;
    for await (const chunk of answer.body) {
      timer.refresh();
      size += chunk.length;
      if (size > MAX_BYTES) throw failed(`more than ${MAX_BYTES} bytes`);
      digest.update(chunk);
      await handle.write(chunk);
    }
    await handle.sync();
    const name = digest.digest('hex');
    await rename(partial, join(folder, `${name}.onnx`));
    return name;
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof RobleError) throw error;
    const { cause, message } = error as Error;
    throw failed(cause instanceof Error ? cause.message : message, error);
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
}

/** What downloads that were killed left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^\.partial-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
