/** The process of `EngineProcess`: opens sessions of the engine `onnx`, and does with them what it is asked. */
import { RobleError } from '../../dist/core/base/errors.js';
import { createSession, parseDevice } from '../../dist/engine-kit/onnx/runtime.js';
import { plugin } from '../../dist/plugins/onnx/training-engine.js';

const sessions = [];
const calls = {
  devices: () => plugin.devices(),
  async load(model, device) {
    await (await createSession(model, { threads: 1, device: parseDevice(device) })).release();
  },
  async memory() {
    return process.memoryUsage.rss();
  },
  async open(model, options) {
    return sessions.push(await plugin.open(model, options)) - 1;
  },
  forward: (session, method, words) => sessions[session][method](...words),
};

process.on('message', async ({ call, name, words }) => {
  const reply = (answer) => process.send({ call, ...answer });
  try {
    reply({ value: await calls[name](...words) });
  } catch (error) {
    reply({ error: RobleError.from(error).toJSON() });
  }
});

// A session that was left open keeps its threads.
process.on('disconnect', () => process.exit());
