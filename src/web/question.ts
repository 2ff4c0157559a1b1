import { type Answer, classifyFile, classifyPicture, type Picture, type Stroke } from './server.js';

/** A picture of which the person wants to know what it is. */
export interface Question {
  /** @param model by default that of the server */
  ask(model?: string): Promise<Answer>;
  /** The picture in a form that can be sent along with other things. */
  picture(): Promise<Picture>;
}

export function drawingQuestion(strokes: readonly Stroke[]): Question {
  const picture = { drawing: { strokes } };
  return { ask: (model) => classifyPicture(picture, model), picture: async () => picture };
}

/** The file is asked about as it is, which takes less than text. */
export function fileQuestion(file: File): Question {
  return {
    ask: (model) => classifyFile(file, model),
    picture: async () => ({ image: await dataUrlOf(file) }),
  };
}

function dataUrlOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
