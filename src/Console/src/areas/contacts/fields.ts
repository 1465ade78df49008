/** `name: value` lines as an object; numbers and true/false as such. */
export function readFields(text: string): Record<string, string | number | boolean> {
  return Object.fromEntries(
    text
      .split('\n')
      .map(line => line.trim())
      .filter(line => line.includes(':'))
      .map(line => {
        const colon = line.indexOf(':');
        const value = line.slice(colon + 1).trim();
        const typed =
          value === 'true'
            ? true
            : value === 'false'
              ? false
              : /^-?(0|[1-9]\d{0,14})(\.\d{1,6})?$/.test(value)
                ? Number(value)
                : value;
        return [line.slice(0, colon).trim(), typed];
      })
      .filter(([name]) => name !== ''),
  );
}

export function showFields(fields: unknown): string {
  return Object.entries((fields ?? {}) as Record<string, unknown>)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join('\n');
}

/** A merge patch that turns the old object into the new one: what is gone becomes null. */
export function fieldsPatch(before: unknown, after: Record<string, unknown>): Record<string, unknown> {
  const gone = Object.keys((before ?? {}) as object).filter(name => !Object.hasOwn(after, name));
  return { ...after, ...Object.fromEntries(gone.map(name => [name, null])) };
}
