import { isDeepStrictEqual } from 'node:util';
import { RobleError } from '../../base/errors.js';
import type { Preprocessing } from '../../image/settings.js';
import { countOf } from '../../base/text.js';
import { optional, type ReaderOptions, type SourceItem } from '../../data/formats/sample.js';

/**
 * Reads the predictions of a log that somebody said the right class of, with what the model saw of each. The classes are
 * those of the models, and samples are named by their requests.
 *
 * @param url `postgres://...`, or the path of an SQLite file
 * @param preprocessing that pictures must have been made with; others are bad samples
 * @throws {RobleError} those of `readPredictions`
 */
export async function* readFeedback(
  url: string,
  preprocessing: Preprocessing,
  { split }: ReaderOptions,
): AsyncGenerator<SourceItem> {
  const { readPredictions } = await import('./read-predictions.js');
  const digests = new Set<string>();
  let withoutPicture = 0;
  for await (const { requestId, index, model, pixels, feedback } of readPredictions(url, {
    withFeedback: true,
    withPixels: true,
  })) {
    const picture = feedback!.pixels ?? pixels;
    if (!picture) {
      withoutPicture++;
      continue;
    }
    const source = `${requestId}#${index}`;
    if (!isDeepStrictEqual(model.preprocessing, preprocessing)) {
      yield { source, error: madeOtherwise(model.name) };
      continue;
    }
    if (!digests.has(model.digest)) yield { classes: model.classes };
    digests.add(model.digest);
    yield {
      source,
      label: feedback!.label,
      ...optional('split', split),
      picture: { kind: 'prepared', pixels: picture },
    };
  }
  if (withoutPicture > 0)
    yield {
      warning: `${countOf(withoutPicture, 'prediction')} with feedback left out, because no picture was kept`,
    };
}

function madeOtherwise(name: string): RobleError {
  return new RobleError(
    'ROBLE_DATASETS_DIFFER',
    'The picture was made otherwise than those of the newest model.',
    {
      received: `what an earlier ${name} saw`,
    },
  );
}
