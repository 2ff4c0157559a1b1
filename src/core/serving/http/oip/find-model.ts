import type { ServedModel } from '../../models/served-model.js';
import type { ModelChoice, ServedModels } from '../../models/served-models.js';

/** Stands for whatever is served, where versions have no names: what clients send that want no particular one. */
const ANY_VERSION = '1';

/** The version that a path names, by its own name or the digest of its bundle; undefined: the one that is served. */
export function wantedVersion(models: ServedModels, { name, version }: ModelChoice): string | undefined {
  return version === ANY_VERSION && !models.find(name).hasVersions ? undefined : version;
}

/**
 * The model of a path.
 *
 * @throws {RobleError} `ROBLE_MODEL_UNKNOWN`
 */
export function findModel(models: ServedModels, choice: ModelChoice): ServedModel {
  const version = wantedVersion(models, choice);
  const manager = models.find(choice.name);
  return version === undefined ? manager.current : manager.versionOf(version);
}
