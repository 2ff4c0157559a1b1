import { relative } from 'node:path';
import { formatCount } from '../../core/base/text/text.js';
import type { Fault, ProjectStatus } from '../../core/operations/status/project-status.js';

/** What is here and what to do next, for people. */
export function statusLines({ folder, configuration, dataset, run, model, next }: ProjectStatus): string[] {
  const at = (path: string) => {
    const short = relative(folder, path);
    return short === '' || short.startsWith('..') ? path : short;
  };
  const line = <T extends object>(name: string, seen: T | Fault | undefined, text: (seen: T) => string) => {
    const shown =
      seen === undefined ? 'none yet' : 'fault' in seen ? `cannot be used: ${seen.fault}` : text(seen as T);
    return `${name.padEnd(14)} ${shown}`;
  };
  const width = Math.max(...next.map(({ command }) => command.length));
  return [
    folder,
    '',
    line('Configuration', configuration, ({ files }) =>
      files.length === 0 ? 'no file; the defaults are used' : files.map(at).join(', '),
    ),
    line(
      'Data set',
      dataset,
      (set) => `${at(set.folder)}: ${formatCount(set.count)} images of ${set.classes} classes`,
    ),
    line('Newest run', run, (state) =>
      [
        `${at(state.run)}: ${state.epochs} of ${state.wantedEpochs} epochs`,
        { training: 'a process is at work on it', finished: 'finished', interrupted: 'it can go on' }[
          state.state
        ],
      ].join(', '),
    ),
    line('Model', model, (bundle) => `${at(bundle.folder)}: ${bundle.name}, ${bundle.classes} classes`),
    '',
    'Next:',
    ...next.map(({ command, why }) => `  ${command.padEnd(width)}  ${why}`),
    '',
    '"roble --help" lists the commands; "roble doctor" looks for what is wrong.',
  ];
}
