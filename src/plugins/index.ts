import { PLUGIN_API_VERSION, type PluginEntry } from '../core/plugin/contracts.js';
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
];

/** The plugins in the box. */
export const builtinPlugins: readonly PluginEntry[] = [
  {
    name: 'onnx',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'training-engine',
    module: import.meta.resolve('./onnx/training-engine.js'),
  },
  {
    name: 'tfjs',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'training-engine',
    module: import.meta.resolve('./tfjs/training-engine.js'),
  },
  {
    name: 'onnx',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: import.meta.resolve('./onnx/serving-backend.js'),
  },
  {
    name: 'tfjs',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: import.meta.resolve('./tfjs/serving-backend.js'),
  },
  {
    name: 'oip',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: import.meta.resolve('./oip/serving-backend.js'),
  },
  ...AUGMENTERS.map(
    (name): PluginEntry => ({
      name,
      apiVersion: PLUGIN_API_VERSION,
      kind: 'augmenter',
      module: import.meta.resolve(`./augmenters/${name}.js`),
    }),
  ),
];

/** A registry with the plugins in the box; more can be registered. */
export const createRegistry = (): PluginRegistry => new PluginRegistry(builtinPlugins);
