import { create, element } from './elements.js';
import type { Model, Statistics } from './server.js';

/** The model that is asked: that of the server, or one of several that the person chose. */
export class ChosenModel {
  readonly #select = element<HTMLSelectElement>('model-select');

  /** @param changed called when the person chose another one */
  constructor(changed: () => void) {
    this.#select.addEventListener('change', changed);
  }

  /** Undefined where the server has only one. */
  get name(): string | undefined {
    return this.#select.hidden ? undefined : this.#select.value;
  }

  /** Offers what the server has now. */
  offer({ model, models }: Statistics): void {
    const names = Object.keys(models);
    const offered = [...this.#select.options].map(({ value }) => value);
    if (names.join('\n') === offered.join('\n')) return;
    const chosen = this.name ?? model.name;
    this.#select.replaceChildren(...names.map((name) => create('option', '', name)));
    this.#select.value = names.includes(chosen) ? chosen : model.name;
    this.#select.hidden = names.length < 2;
    element('model-name').hidden = !this.#select.hidden;
  }

  /** What the server says of the one that is asked. */
  of({ model, models }: Statistics): Model {
    return (this.name !== undefined && models[this.name]) || model;
  }
}
