import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { replaceFile, sha256 } from '../../../base/storage/durable.js';
import { readPlainFile } from '../../../base/storage/read-file.js';
import { openDataset } from '../../../data/dataset/open.js';
import { type OpenedBackbone, openBackbone } from '../../../data/features/open-backbone.js';
import { extractorOf } from '../../../model/backbone/extractor.js';
import type { UsedBackbone } from '../../../model/backbone/settings.js';
import { BUNDLE_FILES, openBundle } from '../../../model/bundle.js';
import { encodeModel, readModel } from '../../../model/onnx/format.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import { RUN_FILES } from '../../history/record.js';
import type { ModelChoice } from '../../settings.js';

/**
 * The backbone whose features a run learns from: the one that was chosen, else that of the bundle whose weights the run
 * starts from; undefined where there is none.
 *
 * @param from folder of a bundle (`train.from`)
 * @throws {RobleError} those of {@link openBackbone}, and `ROBLE_MODEL_INVALID` where the weights belong to another backbone
 */
export async function chosenBackbone(
  model: ModelChoice | undefined,
  from: string | undefined,
  dataset: string,
  registry: PluginRegistry,
): Promise<OpenedBackbone | undefined> {
  const chosen =
    model?.backbone &&
    (await openBackbone(
      model.backbone,
      (
        await openDataset(dataset)
      ).manifest.preprocessing,
      registry.entries,
    ));
  const before = from === undefined ? undefined : await backboneOfBundle(from);
  if (chosen && before && chosen.used.extractor !== before.used.extractor)
    throw new RobleError('ROBLE_MODEL_INVALID', 'The weights to start from belong to another backbone.', {
      received: `${chosen.used.name} in model.backbone, ${before.used.name} in ${from}`,
      expected: 'the same file, used in the same way',
      nextSteps: ['Leave model.backbone out: that of the bundle is used then. Or leave train.from out.'],
    });
  return chosen ?? (model === undefined ? before : undefined);
}

async function backboneOfBundle(folder: string): Promise<OpenedBackbone | undefined> {
  const { backbone: used } = (await openBundle(folder)).manifest;
  if (!used) return undefined;
  const model = join(folder, BUNDLE_FILES.model);
  return { used, extractor: encodeModel(extractorOf(readModel(await readPlainFile(model)))) };
}

const fileOf = (run: string) => join(run, RUN_FILES.backbone, BUNDLE_FILES.model);

/** Puts the extractor into the folder of a run, which needs no other file of the backbone from then on. */
export async function writeExtractor(run: string, { extractor }: OpenedBackbone): Promise<void> {
  await mkdir(join(run, RUN_FILES.backbone), { recursive: true });
  await replaceFile(fileOf(run), extractor);
}

/** @throws {RobleError} `ROBLE_RUN_INVALID` where it is not what was written */
export async function readExtractor(run: string, { extractor }: UsedBackbone): Promise<Uint8Array> {
  const bytes = await readPlainFile(fileOf(run));
  if (sha256(bytes) === extractor) return bytes;
  throw new RobleError('ROBLE_RUN_INVALID', `${fileOf(run)} was changed after it was written.`, {
    received: 'another SHA-256',
    expected: `SHA-256 ${extractor}, as in ${RUN_FILES.request}`,
    nextSteps: ['Copy it from a backup, or begin a new run.'],
  });
}
