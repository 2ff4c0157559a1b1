/**
 * The luminance of colours as grey: in linear light, single precision, then back by a table between whose steps it interpolates.
 *
 * @param rgb uint8 [count, 3]
 * @param shares float32 [3, 256]: what each value of red, green and blue adds to the luminance, 1 for white
 * @param greys float32 [257]: the grey of each 255th of luminance; the last value twice
 * @param to uint8 [count]
 */
export function toGrey(rgb: usize, count: i32, shares: usize, greys: usize, to: usize): void {
  for (const end = to + count; to < end; to++, rgb += 3) {
    const red = load<f32>(shares + ((<usize>load<u8>(rgb)) << 2));
    const green = load<f32>(shares + ((<usize>load<u8>(rgb, 1)) << 2), 1024);
    const blue = load<f32>(shares + ((<usize>load<u8>(rgb, 2)) << 2), 2048);
    const place = min<f32>((red + green + blue) * 255, 255);
    const below = <i32>place;
    const low = load<f32>(greys + ((<usize>below) << 2));
    const high = load<f32>(greys + ((<usize>below) << 2), 4);
    // To the nearest; of two that are as near, the even one.
    store<u8>(to, <u8>nearest<f32>(low + (high - low) * (place - <f32>below)));
  }
}
