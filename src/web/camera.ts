import { element, setIdle } from './elements.js';

export interface CameraListener {
  /** The person wants the camera, and has it. */
  opened(): void;
  /** The person wants it no more. */
  closed(): void;
  taken(picture: File): void;
}

/** Why there is no picture, by the name of the error (W3C Media Capture and Streams). */
const PROBLEMS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The browser does not let this page use the camera. Allow it beside the address of the page, and try again.',
  NotFoundError: 'This device has no camera that the browser can find.',
  NotReadableError: 'The camera gives no picture. Another program may be using it.',
};
/** Browsers give the camera to pages of this machine and of https alone. */
const NOT_SECURE =
  'Browsers give the camera to pages at https:// or localhost only. Ask for this page at such an address.';
const OTHER = 'Choose, drop or paste an image instead.';

/** Takes pictures with the camera of the device, which is on only while its picture is seen. */
export class Camera {
  readonly #view = element<HTMLVideoElement>('camera-view');
  readonly #take = element<HTMLButtonElement>('camera-take');
  readonly #listener: CameraListener;
  /** Changes with every opening and stop, so that a stream that comes too late is let go. */
  #turn = 0;

  constructor(listener: CameraListener) {
    this.#listener = listener;
    element('camera-open').addEventListener('click', () => void this.#open());
    element('camera-close').addEventListener('click', () => {
      listener.closed();
      element('camera-open').focus();
    });
    this.#take.addEventListener('click', () => void this.#takePicture());
    this.#view.addEventListener('loadeddata', () => setIdle(this.#take, false));
    window.addEventListener('pagehide', () => this.stop());
  }

  /** Lets go of the camera. */
  stop(): void {
    this.#turn++;
    showProblem('');
    setIdle(this.#take, true);
    const stream = this.#view.srcObject as MediaStream | null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.#view.srcObject = null;
  }

  async #open(): Promise<void> {
    this.stop();
    const turn = this.#turn;
    // Missing where the page is not secure, whatever the types say.
    if (!window.isSecureContext || !navigator.mediaDevices) return showProblem(NOT_SECURE);
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    } catch (error) {
      const { name, message } = error as DOMException;
      if (turn === this.#turn)
        showProblem(PROBLEMS[name] ?? `The camera cannot be used: ${message || name}.`);
      return;
    }
    if (turn !== this.#turn) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#view.srcObject = stream;
    this.#listener.opened();
    this.#take.focus();
    await this.#view.play();
  }

  async #takePicture(): Promise<void> {
    const { videoWidth: width, videoHeight: height } = this.#view;
    if (this.#take.ariaDisabled === 'true') return;
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    canvas.getContext('2d')!.drawImage(this.#view, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) return showProblem('The browser could not keep the picture of the camera.');
    this.#listener.taken(new File([blob], 'from the camera', { type: 'image/png' }));
    element('camera-open').focus();
  }
}

function showProblem(text: string): void {
  const problem = element('camera-problem');
  problem.hidden = text === '';
  problem.textContent = text === '' ? '' : `${text} ${OTHER}`;
}
