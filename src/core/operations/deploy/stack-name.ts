/** The name of a stack, and of its model in the repository: as Docker, file systems and addresses take it. */
export function stackName(name: string): string {
  const text = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return text || 'classifier';
}
