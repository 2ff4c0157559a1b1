/** What training engines share: what `import ... from 'roble/engine-kit'` gives to the authors of others. */
export {
  EMA_SLOT,
  type FlatLayout,
  flatLayouts,
  layerOf,
  StateVectors,
  type Vectors,
} from './flat-layout.js';
export { withMemoryErrors } from './memory-errors.js';
export { type Answer, exportChecked } from './onnx/checked-export.js';
export { buildInferenceGraph } from './onnx/inference-graph.js';
export {
  batchPart,
  checkBatchSize,
  decayMask,
  frozenTest,
  judgeNumbers,
  noState,
  rateFactors,
  type StepScalars,
  statisticsMomenta,
  stepScalars,
} from './step-rules.js';
