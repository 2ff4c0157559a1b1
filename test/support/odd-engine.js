/** A training engine whose devices go wrong in every way: it computes with the engine `onnx`, and then spoils it. */
import { plugin as onnx } from '../../dist/plugins/onnx/training-engine.js';

/** The devices that it has; `?hang` behind the address of this module gives it that one. */
const given = new URL(import.meta.url).search.slice(1);
const devices = given ? [given] : ['right', 'crash', 'wrong', 'refuse', 'emulated'];

export const plugin = {
  name: 'odd',
  async devices() {
    return devices.map((id) => ({
      id,
      description: `a device to ${id}`,
      kind: 'gpu',
      software: id === 'emulated',
    }));
  },
  async open(model, options) {
    if (options.device === 'crash') process.kill(process.pid, 'SIGSEGV');
    // Deaf, and no load for the machine.
    if (options.device === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (options.device === 'refuse') throw new Error('no such adapter');
    const session = await onnx.open(model, { ...options, device: 'cpu' });
    if (options.device !== 'wrong') return session;
    const step = session.step.bind(session);
    session.step = async (...args) => ({ ...(await step(...args)), loss: 0.5 });
    return session;
  },
};
