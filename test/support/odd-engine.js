/** A training engine whose devices go wrong in every way: it computes with the engine `onnx`, and then spoils it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { plugin as onnx } from '../../dist/plugins/onnx/training-engine.js';

/** The devices that it has; `?hang` behind the address of this module gives it only that one. */
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
    const step = session.step.bind(session);
    if (options.device === 'wrong')
      session.step = async (...args) => ({ ...(await step(...args)), loss: 0.5 });
    // As a busy machine holds up a step: once, and for longer than a slow device takes.
    if (options.device === 'stall')
      session.step = async (batch, ...rest) => {
        if (batch.step === 2) await sleep(1000);
        return step(batch, ...rest);
      };
    return session;
  },
};
