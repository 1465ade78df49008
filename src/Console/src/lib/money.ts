/** Money is decimal strings with up to six places; nothing here makes a binary fraction of it. */
const SCALE = 6;
const DECIMAL = /^(-?)(\d{1,30})(?:\.(\d+))?$/;

/** Millionths as a whole number; null: it is no decimal, or finer than millionths. */
export function toMicros(amount: string): bigint | null {
  const match = DECIMAL.exec(amount.trim());
  if (!match) {
    return null;
  }
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > SCALE) {
    return null;
  }
  const value = BigInt(match[2] + fraction.padEnd(SCALE, '0'));
  return match[1] ? -value : value;
}

export function fromMicros(micros: bigint): string {
  const digits = (micros < 0n ? -micros : micros).toString().padStart(SCALE + 1, '0');
  return `${micros < 0n ? '-' : ''}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`;
}

/** The sum, exact. What is no decimal is a fault, never a zero. */
export function sum(amounts: readonly string[]): string {
  return fromMicros(
    amounts.reduce((total, amount) => {
      const micros = toMicros(amount);
      if (micros === null) {
        throw new Error(`'${amount}' is no amount.`);
      }
      return total + micros;
    }, 0n),
  );
}

export function isNegative(amount: string): boolean {
  return amount.trim().startsWith('-') && toMicros(amount) !== 0n;
}

export function isPositive(amount: string): boolean {
  return (toMicros(amount) ?? 0n) > 0n;
}

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(locale: string, currency: string, places: number): Intl.NumberFormat {
  const key = `${locale} ${currency} ${places}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: Math.min(2, places),
      maximumFractionDigits: Math.max(2, places),
    });
    formats.set(key, format);
  }
  return format;
}

/**
 * An amount for people: at least two places, and as many as it really has. A text that is no amount, or a currency that nobody knows,
 * is shown as it stands rather than wrongly.
 */
export function formatMoney(amount: string | null | undefined, currency: string | null | undefined, locale: string): string {
  if (amount === null || amount === undefined) {
    return '–';
  }
  const match = DECIMAL.exec(amount.trim());
  if (!match || !currency) {
    return currency ? `${amount} ${currency}` : amount;
  }
  const places = Math.min((match[3] ?? '').replace(/0+$/, '').length, 20);
  try {
    // A string is taken exactly (ECMA-402, format of StringNumericLiteral); the sign and digits become the locale's.
    return formatOf(locale, currency, Math.max(2, places)).format(amount.trim() as `${number}`);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** What a person typed as an amount, for the API: Arabic and Hindi digits, spaces; null: not an amount above zero. */
export function readAmount(typed: string): string | null {
  const latin = latinDigits(typed)
    .replace(/[\s\u00a0]/g, '')
    .replace('٫', '.');
  const micros = toMicros(latin);
  return micros === null || micros <= 0n ? null : fromMicros(micros);
}

/** Digits of Arabic, Persian and Devanagari as those of Latin. */
export function latinDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]/g, digit => {
    const code = digit.charCodeAt(0);
    const zero = code >= 0x0966 ? 0x0966 : code >= 0x06f0 ? 0x06f0 : 0x0660;
    return String(code - zero);
  });
}
