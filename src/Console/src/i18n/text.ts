export type Values = Record<string, string | number>;

/** A message with its `{names}` filled in. A name that nobody gives stays visible: a test would see it. */
export function fillIn(message: string, values: Values = {}): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** Names that a message wants. */
export function namesIn(message: string): string[] {
  return [...message.matchAll(/\{(\w+)\}/g)].map(match => match[1] ?? '').sort();
}
