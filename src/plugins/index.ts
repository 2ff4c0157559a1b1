import { PLUGIN_API_VERSION, type PluginEntry } from '../core/plugin/index.js';

const here = (path: string) => {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`${path}${extension}`, import.meta.url).href;
};

/** The plugins in the box. */
export const builtinPlugins: readonly PluginEntry[] = [
  {
    name: 'onnx',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'training-engine',
    module: here('./onnx/training-engine'),
  },
  {
    name: 'onnx',
    apiVersion: PLUGIN_API_VERSION,
    kind: 'serving-backend',
    module: here('./onnx/serving-backend'),
  },
];
