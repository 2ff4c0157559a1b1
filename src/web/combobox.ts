import { create } from './elements.js';

/** Most names shown at once; further typing finds the others. */
const MAX_SHOWN = 50;

/** A text field that finds one of many names, by the pattern "combobox with list" of the ARIA practices. */
export class Combobox {
  readonly #input: HTMLInputElement;
  readonly #list: HTMLElement;
  readonly #names: () => readonly string[];
  readonly #chosen: (name: string) => void;
  #active = -1;

  constructor(
    input: HTMLInputElement,
    list: HTMLElement,
    names: () => readonly string[],
    chosen: (name: string) => void,
  ) {
    this.#input = input;
    this.#list = list;
    this.#names = names;
    this.#chosen = chosen;
    input.addEventListener('input', () => this.#open());
    input.addEventListener('click', () => this.#open());
    input.addEventListener('blur', () => this.#close());
    input.addEventListener('keydown', (event) => {
      if (this.#do(event.key)) event.preventDefault();
    });
    // The field keeps the focus while the mouse chooses.
    list.addEventListener('mousedown', (event) => event.preventDefault());
    list.addEventListener('click', ({ target }) => {
      const option = (target as Element).closest('[role=option]');
      if (option) this.#choose(option);
    });
  }

  /** @param text what it reads from now on */
  clear(text = ''): void {
    this.#input.value = text;
    this.#close();
  }

  /** @returns whether the key means anything here */
  #do(key: string): boolean {
    const options = [...this.#list.children];
    const isOpen = !this.#list.hidden;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (isOpen) this.#activate(this.#active + (key === 'ArrowDown' ? 1 : -1));
      else this.#open();
    } else if (key === 'Enter' && isOpen) {
      // What was typed in full, or the only one that is left, needs no arrow.
      const option = options[this.#active] ?? (options.length === 1 ? options[0] : this.#exact(options));
      if (option) this.#choose(option);
    } else if (key === 'Escape' && isOpen) this.#close();
    else return false;
    return true;
  }

  #exact(options: readonly Element[]): Element | undefined {
    return options.find(({ textContent }) => textContent === this.#input.value);
  }

  #open(): void {
    const found = search(this.#names(), this.#input.value.trim());
    this.#list.replaceChildren(
      ...found.slice(0, MAX_SHOWN).map((name, i) => {
        const option = create('div', '', name);
        option.role = 'option';
        option.id = `${this.#list.id}-${i}`;
        option.ariaSelected = 'false';
        return option;
      }),
    );
    this.#setOpen(found.length > 0);
  }

  #close(): void {
    this.#setOpen(false);
  }

  #setOpen(open: boolean): void {
    this.#active = -1;
    this.#list.hidden = !open;
    this.#input.setAttribute('aria-expanded', String(open));
    this.#input.removeAttribute('aria-activedescendant');
  }

  #activate(index: number): void {
    const options = [...this.#list.children];
    this.#active = (index + options.length) % options.length;
    for (const [i, option] of options.entries()) option.ariaSelected = String(i === this.#active);
    const active = options[this.#active]!;
    this.#input.setAttribute('aria-activedescendant', active.id);
    active.scrollIntoView({ block: 'nearest' });
  }

  #choose(option: Element): void {
    this.clear(option.textContent!);
    this.#chosen(option.textContent!);
  }
}

/** The names that hold a text, those that begin with it first; case counts only between equals. */
function search(names: readonly string[], text: string): string[] {
  const wanted = text.toLowerCase();
  const rank = (name: string) => {
    if (name === text) return 0;
    const at = name.toLowerCase().indexOf(wanted);
    return at < 0 ? 3 : at === 0 ? 1 : 2;
  };
  return names
    .map((name) => ({ name, rank: rank(name) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .map(({ name }) => name);
}
