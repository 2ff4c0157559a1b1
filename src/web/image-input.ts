import { element, setIdle } from './elements.js';

/** An image file: chosen, dropped on the page, or pasted. */
export class ImageInput {
  readonly #changed: () => void;
  #file: File | undefined;

  /** @param changed called when there is another file, or none any more */
  constructor(changed: () => void) {
    this.#changed = changed;
    const field = element<HTMLInputElement>('file');
    field.addEventListener('change', () => {
      this.#take(field.files);
      // So that the same file can be chosen again.
      field.value = '';
    });
    element('remove').addEventListener('click', () => this.#set(undefined));
    element('preview').addEventListener('error', () => this.#showName());
    this.#acceptDrops();
    document.addEventListener('paste', (event) => this.#take(event.clipboardData?.files));
  }

  get file(): File | undefined {
    return this.#file;
  }

  /** Takes a picture that the camera gave. */
  give(file: File): void {
    this.#set(file);
  }

  #acceptDrops(): void {
    const mark = (over: boolean) => document.body.classList.toggle('dragging', over);
    document.addEventListener('dragover', (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      mark(true);
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) mark(false);
    });
    document.addEventListener('drop', (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      mark(false);
      this.#take(event.dataTransfer.files);
    });
  }

  #take(files: FileList | null | undefined): void {
    if (files?.[0]) this.#set(files[0]);
  }

  #set(file: File | undefined): void {
    if (file === this.#file) return;
    this.#file = file;
    const preview = element<HTMLImageElement>('preview');
    URL.revokeObjectURL(preview.src);
    preview.hidden = file === undefined;
    preview.alt = file ? `Your image ${file.name}` : '';
    if (file) preview.src = URL.createObjectURL(file);
    else preview.removeAttribute('src');
    element('file-name').textContent = '';
    element('image-panel').classList.toggle('filled', file !== undefined);
    setIdle(element<HTMLButtonElement>('remove'), file === undefined);
    this.#changed();
  }

  /** The model may read what the browser cannot show. */
  #showName(): void {
    if (!this.#file) return;
    element('preview').hidden = true;
    element('file-name').textContent = this.#file.name;
  }
}
