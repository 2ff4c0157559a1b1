import { element } from './elements.js';

const STORED = 'roble-api-key';

/** The key for the server: kept until the tab is closed, asked for when the server wants another one. */
export class ApiKey {
  #asking: Promise<void> | undefined;

  get value(): string | null {
    return sessionStorage.getItem(STORED);
  }

  /**
   * Waits until the person gave another key than the one that was refused. Those who ask at the same time share the
   * question.
   */
  ask(refused: string | null): Promise<void> {
    if (refused !== this.value) return Promise.resolve();
    this.#asking ??= this.#show(refused !== null).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  #show(wasRefused: boolean): Promise<void> {
    const form = element<HTMLFormElement>('key-form');
    const field = element<HTMLInputElement>('key');
    form.hidden = false;
    field.value = '';
    field.setAttribute('aria-invalid', String(wasRefused));
    if (wasRefused) element('key-hint').textContent = 'The server did not accept this key. Try another one.';
    field.focus();
    return new Promise((resolve) => {
      form.onsubmit = (event) => {
        event.preventDefault();
        sessionStorage.setItem(STORED, field.value);
        form.hidden = true;
        resolve();
      };
    });
  }
}
