/** Enough of a SHA-256 to know a model by, in logs and labels. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
