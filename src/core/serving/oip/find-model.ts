import { RobleError } from '../../errors.js';
import type { ServedModel } from '../model-manager.js';
import type { ServingScope } from '../serving-scope.js';

/** Stands for the version that is served, whatever it is: what clients send that want no particular one. */
const ANY_VERSION = '1';

/**
 * The model of a name, and of a version if one is asked for: the digest of its bundle, or 1.
 *
 * @throws {RobleError} `ROBLE_MODEL_UNKNOWN`
 */
export function findModel({ models }: ServingScope, name: string, version?: string): ServedModel {
  const model = models.current;
  const { label } = model;
  if (name !== label.name)
    throw new RobleError('ROBLE_MODEL_UNKNOWN', `There is no model "${name}" here.`, {
      received: name,
      expected: label.name,
    });
  if (version !== undefined && version !== label.digest && version !== ANY_VERSION)
    throw new RobleError('ROBLE_MODEL_UNKNOWN', `There is no version "${version}" of "${name}" here.`, {
      received: version,
      expected: `${label.digest}, or ${ANY_VERSION} for the one that is served`,
    });
  return model;
}
