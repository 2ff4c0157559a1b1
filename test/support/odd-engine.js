/** A training engine whose devices go wrong in every way: it computes with the engine `onnx`, and then spoils it. */
import { plugin as onnx } from '../../dist/plugins/onnx/training-engine.js';

export const plugin = {
  name: 'odd',
  async devices() {
    return ['right', 'crash', 'hang', 'wrong', 'refuse', 'emulated'].map((id) => ({
      id,
      description: `a device to ${id}`,
      kind: 'gpu',
      software: id === 'emulated',
    }));
  },
  async open(model, options) {
    if (options.device === 'crash') process.kill(process.pid, 'SIGSEGV');
    while (options.device === 'hang');
    if (options.device === 'refuse') throw new Error('no such adapter');
    const session = await onnx.open(model, { ...options, device: 'cpu' });
    if (options.device !== 'wrong') return session;
    const step = session.step.bind(session);
    session.step = async (...args) => ({ ...(await step(...args)), loss: 0.5 });
    return session;
  },
};
