/** The process of {@link EngineProcess}. */
import type { ModelSpec } from '../../src/core/model/spec.js';
import {
  type EngineOptions,
  RobleError,
  type SerializedError,
  type TrainingSession,
} from '../../src/core/plugin/index.js';
import { parseDevice } from '../../src/plugins/onnx/device/device.js';
import { createSession } from '../../src/plugins/onnx/runtime.js';
import { plugin } from '../../src/plugins/onnx/training-engine.js';

export interface EngineReply {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: SerializedError;
}

const sessions: TrainingSession[] = [];
const calls = {
  devices: () => plugin.devices(),
  async load(model: Uint8Array, device: string) {
    await (await createSession(model, { threads: 1, device: parseDevice(device) })).release();
  },
  async memory() {
    return process.memoryUsage.rss();
  },
  async open(model: ModelSpec, options: EngineOptions) {
    return sessions.push(await plugin.open(model, options)) - 1;
  },
  forward: (session: number, method: keyof TrainingSession, words: []) =>
    (sessions[session]![method] as (...words: unknown[]) => Promise<unknown>)(...words),
};
export type EngineCalls = typeof calls;

process.on('message', async ({ call, name, words }: { call: number; name: keyof EngineCalls; words: [] }) => {
  const reply = (answer: Omit<EngineReply, 'call'>) => process.send!({ call, ...answer });
  try {
    reply({ value: await (calls[name] as (...words: unknown[]) => Promise<unknown>)(...words) });
  } catch (error) {
    reply({ error: RobleError.from(error).toJSON() });
  }
});

// A session that was left open keeps its threads.
process.on('disconnect', () => process.exit());
