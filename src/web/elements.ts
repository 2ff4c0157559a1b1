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

/** A button that does nothing for now; `disabled` would take the focus away from the person who just pressed it. */
export function setIdle(button: HTMLButtonElement, idle: boolean): void {
  button.setAttribute('aria-disabled', String(idle));
}

const count = new Intl.NumberFormat('en');

export function number(value: number): string {
  return count.format(value);
}

/** A share between 0 and 1. Only a certainty reads 100 %, and only nothing reads 0 %. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share >= 0.9995) return '> 99.9 %';
  return `${(share * 100).toFixed(1)} %`;
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : number(Math.round(value))} ms`;
}

export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
