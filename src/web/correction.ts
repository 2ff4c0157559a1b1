import { Combobox } from './combobox.js';
import { create, element } from './elements.js';
import { type Answer, Problem, sendFeedback } from './server.js';

/** Answers of a server that keeps no predictions to correct. */
const NOT_KEPT = [404, 405, 409, 501];

/** Lets the person say what a picture really is: one of the guesses, or any class of the model. */
export class Correction {
  readonly #other: Combobox;
  readonly #status = element('correction-status');
  #answer: Answer | undefined;
  /** The classes of the model, where the server tells them. */
  classes: readonly string[] = [];

  constructor() {
    this.#other = new Combobox(
      element<HTMLInputElement>('other-input'),
      element('other-list'),
      () => this.classes,
      (label) => void this.#choose(label),
    );
  }

  /** Begins anew for another answer. */
  show(answer: Answer): void {
    this.#answer = answer;
    this.#status.textContent = '';
    this.#other.clear();
    element('other').hidden = this.classes.length <= answer.predictions.length;
    element('chips').replaceChildren(
      ...answer.predictions.map(({ label }) => {
        const chip = create('button', 'chip', label);
        chip.type = 'button';
        chip.setAttribute('aria-pressed', 'false');
        chip.addEventListener('click', () => void this.#choose(label));
        return chip;
      }),
    );
  }

  async #choose(label: string): Promise<void> {
    const answer = this.#answer!;
    try {
      await sendFeedback(answer.requestId, label);
      if (answer === this.#answer) this.#thank(label);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (answer === this.#answer) this.#refused(error);
    }
  }

  #thank(label: string): void {
    this.#status.textContent = `Thank you: kept as “${label}”. Choose another one to change it.`;
    for (const chip of element('chips').children)
      chip.setAttribute('aria-pressed', String(chip.textContent === label));
    this.#other.clear(isAmong(this.#answer!, label) ? '' : label);
  }

  #refused({ status, message }: Problem): void {
    if (!NOT_KEPT.includes(status)) {
      this.#status.textContent = message;
      return;
    }
    element('correction').hidden = true;
    this.#status.textContent = 'This server keeps no predictions, so it cannot keep a correction.';
  }
}

function isAmong({ predictions }: Answer, label: string): boolean {
  return predictions.some((prediction) => prediction.label === label);
}
