import sharp from 'sharp';
import { expect, it } from 'vitest';
import { lookAtAny, lookAtPlain } from './look.js';

it('sees a plain picture as the general decoder does', async () => {
  const [width, height] = [70, 41];
  const colours = {
    paper: [250, 250, 248, 255],
    night: [5, 5, 5, 255],
    red: [220, 40, 30, 255],
    glass: [0, 0, 0, 60],
  } as const;
  for (const [r, g, b, alpha] of Object.values(colours)) {
    const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
      const isInk = Math.abs((Math.floor(i / 4) % width) - 30) < 4 && i > 4000 && i < 9000;
      return i % 4 === 3 ? alpha : isInk ? 30 : [r, g, b][i % 4]!;
    });
    const picture = sharp(pixels, { raw: { width, height, channels: 4 } });
    const files = [
      await picture.clone().png().toBuffer(),
      await picture.clone().removeAlpha().jpeg().toBuffer(),
      await picture.clone().removeAlpha().greyscale().png().toBuffer(),
      ...[3, 6, 8].map((orientation) =>
        picture.clone().removeAlpha().withMetadata({ orientation }).jpeg().toBuffer(),
      ),
    ];
    for (const file of await Promise.all(files)) {
      const plain = lookAtPlain(file);
      // Metadata may bring a profile, which is no plain picture.
      if (plain) expect(plain).toEqual(await lookAtAny(file));
    }
    expect(lookAtPlain(await files[0]!)).toBeDefined();
    expect(lookAtPlain(await files[1]!)).toBeDefined();
  }
});
