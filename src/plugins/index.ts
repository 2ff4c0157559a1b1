import { PLUGIN_API_VERSION, type PluginEntry, type PluginKind } from '../core/plugin/contracts.js';
import { PluginRegistry } from '../core/plugin/registry.js';

const AUGMENTERS = [
  'stroke-distortion',
  'affine',
  'elastic',
  'perspective',
  'stroke-width',
  'noise',
  'blur',
  'contrast',
  'occlusion',
  'canvas-style',
  'mixup',
  'cutmix',
  'flip',
  'random-crop',
  'colour-jitter',
];

/** The plugins in the box. */
export const builtinPlugins: readonly PluginEntry[] = [
  entry('training-engine', 'onnx', './onnx/training-engine.js'),
  entry('training-engine', 'tfjs', './tfjs/training-engine.js'),
  entry('serving-backend', 'onnx', './onnx/serving-backend.js'),
  entry('serving-backend', 'tfjs', './tfjs/serving-backend.js'),
  entry('serving-backend', 'oip', './oip/serving-backend.js'),
  ...AUGMENTERS.map((name) => entry('augmenter', name, `./augmenters/${name}.js`)),
];

function entry(kind: PluginKind, name: string, file: string): PluginEntry {
  return { name, apiVersion: PLUGIN_API_VERSION, kind, module: import.meta.resolve(file) };
}

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);
