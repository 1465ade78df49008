export const LANGUAGES = {
  en: { name: 'English', dir: 'ltr', locale: 'en-GB' },
  ar: { name: 'العربية', dir: 'rtl', locale: 'ar' },
  es: { name: 'Español', dir: 'ltr', locale: 'es' },
  hi: { name: 'हिन्दी', dir: 'ltr', locale: 'hi' },
} as const;

export type Language = keyof typeof LANGUAGES;

export function isLanguage(text: string | null | undefined): text is Language {
  return text !== null && text !== undefined && Object.hasOwn(LANGUAGES, text);
}

/** What a person chose before, else what the browser asks for, else English. */
export function firstLanguage(stored: string | null, wanted: readonly string[]): Language {
  if (isLanguage(stored)) {
    return stored;
  }
  const known = wanted.map(tag => tag.toLowerCase().split('-')[0]).find(isLanguage);
  return known ?? 'en';
}
