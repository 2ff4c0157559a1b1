/** The element of the page with an id; the page has all that its code asks for. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** A new element with a class and a text. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A button that does nothing for now; `disabled` would take the focus away from who just pressed it. */
export function setIdle(button: HTMLButtonElement, idle: boolean): void {
  button.setAttribute('aria-disabled', String(idle));
}
