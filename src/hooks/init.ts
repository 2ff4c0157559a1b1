import type { Hook } from '@oclif/core';
import { standardStreams } from '../ui/terminal/standard-streams.js';

/**
 * Commands are written `data:import`, and `data import` is understood too: oclif joins the words only when a space is
 * the separator, so the package says so, and from here on help and messages use the colon.
 */
export const init: Hook.Init = async function ({ id, argv, config }) {
  config.topicSeparator = ':';
  standardStreams();
  const [next] = argv;
  const isTopic =
    id !== undefined && config.findTopic(id) !== undefined && config.findCommand(id) === undefined;
  // oclif would show the help of the topic and end with 0.
  if (!isTopic || next === undefined || next.startsWith('-')) return;
  const { reportUnknownCommand } = await import('../ui/results/errors.js');
  this.exit(reportUnknownCommand(`${id}:${next}`, argv, config));
};
