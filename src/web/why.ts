import { create, element, setIdle } from './elements.js';
import { describeHeatMap, paintHeatMap, points, warmestFall } from './heat-map.js';
import { type Answer, Problem, type Question } from './server.js';

/** Lets the person ask what an answer stands on, or what another of the guesses does. */
export class Why {
  readonly #choice = element<HTMLSelectElement>('why-class');
  readonly #button = element<HTMLButtonElement>('why-show');
  readonly #status = element('why-status');
  #shown:
    | { readonly answer: Answer; readonly question: Question; readonly model: string | undefined }
    | undefined;

  constructor() {
    this.#button.addEventListener('click', () => {
      if (this.#button.ariaDisabled !== 'true') void this.#explain();
    });
    this.#choice.addEventListener('change', () => this.#clear());
  }

  /** @param isThere whether the server explains its answers */
  setUp(isThere: boolean): void {
    element('why').hidden = !isThere;
  }

  /** Starts over for another answer. @param model the one that was asked; by default the server's own */
  show(answer: Answer, question: Question, model: string | undefined): void {
    this.#shown = { answer, question, model };
    this.#choice.replaceChildren(...answer.predictions.map(({ label }) => create('option', '', label)));
    this.#clear();
  }

  #clear(): void {
    setIdle(this.#button, false);
    this.#status.textContent = '';
    element('heat').hidden = true;
  }

  async #explain(): Promise<void> {
    const { answer, question, model } = this.#shown!;
    const name = this.#choice.value;
    const isNewest = () => this.#shown?.answer === answer && this.#choice.value === name;
    this.#clear();
    setIdle(this.#button, true);
    this.#status.textContent = 'The server covers one place after the other …';
    try {
      const explanation = await question.explain(name, model);
      if (!isNewest()) return;
      paintHeatMap(element<HTMLCanvasElement>('heat-map'), explanation, answer.input);
      element('heat-most').textContent = `−${points(warmestFall(explanation))}`;
      element('heat').hidden = false;
      this.#status.textContent = describeHeatMap(explanation);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (isNewest()) this.#status.textContent = error.message;
    } finally {
      if (isNewest()) setIdle(this.#button, false);
    }
  }
}
