import { Combobox } from './combobox.js';
import { create, element } from './elements.js';
import { type Answer, Problem, type Question, type Server, type Statistics } from './server.js';

/** Statuses of a server that takes no corrections, or none from the owner of this key. */
const NOT_KEPT = [403, 405, 409, 501];

/** Lets the person say what a picture really is: one of the guesses, or any class of the model. */
export class Correction {
  readonly #server: Server;
  readonly #other: Combobox;
  readonly #status = element('correction-status');
  readonly #consent = element<HTMLInputElement>('consent');
  #shown: { readonly answer: Answer; readonly question: Question } | undefined;
  #classes: readonly string[] = [];
  #isRefused = false;

  constructor(server: Server) {
    this.#server = server;
    this.#other = new Combobox(
      element<HTMLInputElement>('other-input'),
      element('other-list'),
      () => this.#classes,
      (label) => void this.#choose(label),
    );
  }

  /** @param log what the server says of its predictions; undefined where it keeps none */
  setUp(log: Statistics['predictionLog']): void {
    element('correction').hidden = log === undefined || this.#isRefused;
    element('consent-label').hidden = log?.keepsImages === true;
  }

  /** Starts over for another answer. @param classes those of the model that gave it, as far as they are known */
  show(answer: Answer, question: Question, classes: readonly string[]): void {
    this.#shown = { answer, question };
    this.#classes = classes;
    this.#status.textContent = '';
    this.#other.clear();
    element('other').hidden = this.#classes.length <= answer.predictions.length;
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
    const shown = this.#shown!;
    const { answer, question } = shown;
    try {
      await this.#server.sendFeedback(
        answer.requestId,
        label,
        this.#consent.checked ? await question.picture() : undefined,
      );
      if (shown === this.#shown) this.#thank(label, answer);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (shown === this.#shown) this.#refused(error);
    }
  }

  #thank(label: string, { predictions }: Answer): void {
    this.#status.textContent = `Thank you, kept as “${label}”. Choose another one to change it.`;
    for (const chip of element('chips').children)
      chip.setAttribute('aria-pressed', String(chip.textContent === label));
    this.#other.clear(predictions.some((prediction) => prediction.label === label) ? '' : label);
  }

  #refused({ status, message }: Problem): void {
    if (NOT_KEPT.includes(status)) this.#isRefused = element('correction').hidden = true;
    this.#status.textContent = message;
  }
}
