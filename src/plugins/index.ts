import { PLUGIN_API_VERSION, type PluginEntry, siblingModule } from '../core/plugin/index.js';

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
    module: siblingModule(import.meta.url, './onnx/training-engine.js'),
  },
  {
    name: 'tfjs',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'training-engine',
    module: siblingModule(import.meta.url, './tfjs/training-engine.js'),
  },
  {
    name: 'onnx',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: siblingModule(import.meta.url, './onnx/serving-backend.js'),
  },
  {
    name: 'tfjs',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: siblingModule(import.meta.url, './tfjs/serving-backend.js'),
  },
  {
    name: 'oip',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: siblingModule(import.meta.url, './oip/serving-backend.js'),
  },
  ...AUGMENTERS.map(
    (name): PluginEntry => ({
      name,
      apiVersion: PLUGIN_API_VERSION,
      kind: 'augmenter',
      module: siblingModule(import.meta.url, `./augmenters/${name}.js`),
    }),
  ),
];
