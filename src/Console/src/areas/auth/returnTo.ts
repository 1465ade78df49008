/** Only a place of our own console is gone back to. */
export function placeToReturnTo(state: unknown): string {
  const from = (state as { from?: unknown } | null)?.from;
  return typeof from === 'string' && /^\/[^/\\]/.test(from) && !from.startsWith('/sign-in') ? from : '/';
}
