/** The public plugin API: what `import ... from 'roble/plugin'` gives. Plugins import nothing else of roble. */

/** The schemas of parameters and options; a plugin needs no copy of its own. */
export { z } from 'zod';
export { RobleError, type SerializedError } from '../base/errors.js';
export { type HttpAnswer, type HttpRequest, sendRequest } from '../base/http.js';
export { saysOutOfMemory } from '../base/out-of-memory.js';
export { Random, symmetricBeta } from '../base/random.js';
export { hideUrlPassword, secret, urlWithPassword } from '../base/secret.js';
export { measuredOnce } from '../base/storage/cache.js';
export { sha256 } from '../base/storage/durable.js';
export * from '../base/storage/safetensors.js';
export { canvasFor, layInk } from '../image/strokes/frame.js';
export { type PackedDrawing, PenDrawing } from '../image/strokes/packed.js';
export { drawSegment, drawStrokes, type PenLines } from '../image/strokes/rasterize.js';
export * from '../model/bundle.js';
export { readTrainedModel } from '../model/bundle.js';
export * from '../model/network.js';
export type { ImageShape, InputType, InputValues, ModelSpec } from '../model/spec.js';
export * from './contracts.js';
export * from './reader.js';
