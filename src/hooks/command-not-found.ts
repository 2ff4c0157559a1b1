import type { Hook } from '@oclif/core';
import { reportUnknownCommand } from '../ui/results/errors.js';

export const commandNotFound: Hook.CommandNotFound = async function ({ id, argv, config }) {
  this.exit(reportUnknownCommand(id, argv ?? [], config));
};
