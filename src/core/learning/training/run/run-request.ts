import { join } from 'node:path';
import { z } from 'zod';
import { checked } from '../../../base/schema/checked.js';
import { trainSchema } from '../../../config/schema.js';
import { RobleError } from '../../../base/errors.js';
import { RUN_FILES } from '../../history/record.js';
import { layerSchema } from '../../../model/spec.js';
import { replaceFile } from '../../../base/storage/durable.js';
import { readPlainText } from '../../../base/storage/read-file.js';
import type { RunRequest } from './messages.js';

const requestSchema: z.ZodType<RunRequest> = z.object({
  id: z.string(),
  name: z.string(),
  run: z.string(),
  dataset: z.string(),
  validation: z.string().optional(),
  layers: z.array(layerSchema),
  train: trainSchema,
  deviceReason: z.string().optional(),
});

/**
 * What the run in a folder was asked to do, from `run.json`.
 *
 * @throws {RobleError} `ROBLE_RUN_INVALID`
 */
export async function readRequest(run: string): Promise<RunRequest> {
  const path = join(run, RUN_FILES.request);
  const invalid = (received: string, cause: unknown) =>
    new RobleError('ROBLE_RUN_INVALID', `${run} holds no training run.`, {
      received,
      expected: `a folder with ${RUN_FILES.request}, as "roble train" makes it`,
      cause,
    });
  const text = await readPlainText(path).catch((cause) => {
    throw invalid(`no ${RUN_FILES.request}`, cause);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
  return checked(requestSchema, value, 'ROBLE_RUN_INVALID', `${path} is not of the expected form.`);
}

/** Writes `run.json`, atomically; where it holds the same already, a full disk is no matter. */
export async function keepRequest(request: RunRequest): Promise<void> {
  const path = join(request.run, RUN_FILES.request);
  const text = `${JSON.stringify(request, null, 2)}\n`;
  const written = await readPlainText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (written !== text) await replaceFile(path, text);
}
