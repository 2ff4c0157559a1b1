/** How far two pictures are apart where they differ most: one comparison for all of their pixels. */
export function mostApart(picture: ArrayLike<number>, other: ArrayLike<number>): number {
  if (picture.length !== other.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < picture.length; i++) most = Math.max(most, Math.abs(picture[i]! - other[i]!));
  return most;
}
