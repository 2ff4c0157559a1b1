import type { AnswerListener } from '../models/answered-image.js';
import type { ServedModel } from '../models/served-model.js';
import { type DriftMeasures, DriftWindow, MIN_ANSWERS } from './drift.js';

/** How the newest answers of a model differ from those of the pictures that it was validated on. */
export interface DriftReport {
  /** Answers that were looked at, the newest ones. */
  readonly answers: number;
  /** Null, with the reason, where nothing can be said. */
  readonly measures: DriftMeasures | null;
  readonly reason?: string;
}

/** Compares what models answer in service with the profile in their bundles; each model by itself. */
export class DriftMonitor {
  readonly #windows = new WeakMap<ServedModel, DriftWindow>();

  readonly onImage: AnswerListener = ({ model, pixels, probabilities }) => {
    this.#windowOf(model)?.add(pixels, probabilities);
  };

  report(model: ServedModel): DriftReport {
    const window = this.#windowOf(model);
    if (!window) return { answers: 0, measures: null, reason: 'The bundle has no profile of its answers.' };
    const { count: answers } = window;
    const measures = window.measure();
    return measures
      ? { answers, measures }
      : { answers, measures: null, reason: `Fewer than ${MIN_ANSWERS} answers were given so far.` };
  }

  #windowOf(model: ServedModel): DriftWindow | undefined {
    const { profile } = model.bundle.manifest;
    if (!profile) return undefined;
    const known = this.#windows.get(model);
    if (known) return known;
    const window = new DriftWindow(profile);
    this.#windows.set(model, window);
    return window;
  }
}
