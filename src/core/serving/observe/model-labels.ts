import type { ServedModel } from '../models/served-model.js';
import { shortDigest } from './short-digest.js';

/** How metrics name a model. */
export function modelLabels({ label }: ServedModel) {
  return { model: label.name, version: label.version, digest: shortDigest(label.digest) };
}
