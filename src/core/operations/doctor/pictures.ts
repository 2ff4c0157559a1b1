import { failed, ok } from '../../base/diagnosis.js';
import type { DoctorCheck } from './subject.js';

/** Formats that people have pictures in; each is written and read by the decoder as it is installed here. */
const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;

export const pictureChecks: readonly DoctorCheck[] = [
  {
    id: 'pictures',
    title: 'Formats of pictures',
    async run() {
      let sharp: typeof import('sharp').default;
      try {
        ({ default: sharp } = await import('sharp'));
      } catch (error) {
        return failed(
          `the decoder sharp cannot be loaded: ${(error as Error).message.split('\n')[0]}`,
          'Install it for this machine: npm install sharp --include=optional.',
          'A node_modules that was copied from another system holds the files of that one: delete it, and npm ci.',
        );
      }
      const missing: string[] = [];
      for (const format of FORMATS) {
        const blank = sharp({ create: { width: 8, height: 8, channels: 3, background: 'white' } });
        try {
          await sharp(await blank.toFormat(format).toBuffer())
            .raw()
            .toBuffer();
        } catch {
          missing.push(format);
        }
      }
      const version = `libvips ${sharp.versions.vips}`;
      if (missing.length === 0) return ok(`${FORMATS.join(', ')} (${version})`);
      return failed(
        `${missing.join(', ')} cannot be read (${version})`,
        'Install sharp with the libvips that it brings: npm install sharp --include=optional, without SHARP_FORCE_GLOBAL_LIBVIPS.',
      );
    },
  },
];
