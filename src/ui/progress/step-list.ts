import { DefaultRenderer, Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import type { ProgressEvent } from '../../core/base/context.js';
import { progressBar } from '../terminal/charts.js';
import { createProgressText } from './line-reporters.js';

/** listr2 asks standard output whether it is a terminal; here the lines go to standard error, which is one. */
class StepRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

type Task = Pick<ListrTaskWrapper<unknown, typeof StepRenderer, typeof StepRenderer>, 'output'>;
type StepEvent = Extract<ProgressEvent, { type: 'step' }>;

const BAR_WIDTH = 20;

export interface StepList {
  readonly isBusy: boolean;
  step(event: StepEvent): Promise<void>;
  progress(event: Extract<ProgressEvent, { type: 'progress' }>): void;
  /** Ends what is still shown as running. */
  close(): Promise<void>;
}

interface Running {
  readonly id: string;
  task?: Task;
  readonly finished: Promise<unknown>;
  end(failed: boolean): void;
}

/** Steps as a list with a spinner on the one that runs; a step inside a step shows as its text. */
export function openStepList(stream: NodeJS.WriteStream): StepList {
  let running: Running | undefined;
  const progressText = createProgressText();
  const end = async (failed: boolean) => {
    const last = running;
    running = undefined;
    last?.end(failed);
    await last?.finished;
  };
  return {
    get isBusy() {
      return running !== undefined;
    },
    async step({ id, title, status }) {
      if (status !== 'started') {
        if (running?.id === id) await end(status === 'failed');
      } else if (running) {
        if (running.task) running.task.output = title;
      } else running = start(stream, id, title);
    },
    progress(event) {
      const text = progressText(event);
      if (!running?.task) return;
      const bar = event.total ? `${progressBar(event.done / event.total, BAR_WIDTH)} ` : '';
      running.task.output = bar + text;
    },
    close: () => end(true),
  };
}

function start(stream: NodeJS.WriteStream, id: string, title: string): Running {
  let settle: (failed: boolean) => void = () => {};
  const ended = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  const running: { task?: Task } = {};
  const list = new Listr(
    [
      {
        title,
        task: async (_context, task) => {
          running.task = task;
          if (await ended) throw new Error(title);
        },
      },
    ],
    {
      renderer: StepRenderer,
      rendererOptions: {
        logger: new ListrLogger({ useIcons: false, processOutput: new ProcessOutput(stream, stream) }),
      },
      // The command listens to Ctrl-C; listr2 would end the process before a checkpoint is saved.
      registerSignalListeners: false,
      exitOnError: false,
    },
  );
  return Object.assign(running, { id, end: settle, finished: list.run().catch(() => undefined) });
}
