/** The public plugin API: what `import ... from 'roble/plugin'` gives. Plugins import nothing else of roble. */
export { RobleError, type SerializedError } from '../errors.js';
export { type HttpAnswer, type HttpRequest, sendRequest } from '../http/request.js';
export { readTrainedModel } from '../model/bundle.js';
export * from '../model/network.js';
export type { ImageShape, ModelSpec } from '../model/spec.js';
export { symmetricBeta } from '../random/beta.js';
export { Random } from '../random/index.js';
export { hideUrlPassword, secret, urlWithPassword } from '../secret.js';
export { measuredOnce } from '../storage/cache.js';
export { sha256 } from '../storage/durable.js';
export { canvasFor, layInk } from '../strokes/frame.js';
export { type PackedDrawing, PenDrawing } from '../strokes/packed.js';
export { drawSegment, drawStrokes, type PenLines } from '../strokes/rasterize.js';
export * from './api.js';
