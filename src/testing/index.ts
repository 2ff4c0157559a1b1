/**
 * Checks of plugins for their authors: what `import ... from 'roble/testing'` gives, for `node:test`, Vitest or any other
 * runner. Each throws one error that lists all that is wrong.
 */
export { type AugmenterChecks, type AugmenterReport, assertAugmenter } from './augmenter.js';
export { assertPackage, type PackageReport } from './package.js';
export { assertPreset, type PresetChecks, type PresetReport } from './preset.js';
export { assertReader, type ReaderChecks, type ReaderReport } from './reader.js';
export { assertServingBackend, type ServingBackendChecks } from './serving-backend.js';
export { assertTrainingEngine, type TrainingEngineChecks } from './training-engine.js';
