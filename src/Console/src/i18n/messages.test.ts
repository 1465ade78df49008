import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstLanguage } from './languages';
import { fillIn, namesIn } from './text';

const here = import.meta.dirname;
const languages = ['en', 'ar', 'es', 'hi'];

function messagesOf(language: string): Record<string, string> {
  const folder = join(here, 'messages', language);
  const all: Record<string, string> = {};
  for (const file of readdirSync(folder)) {
    for (const [key, text] of Object.entries(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, string>)) {
      expect(all, `${key} stands twice in ${language}`).not.toHaveProperty([key]);
      all[key] = text;
    }
  }
  return all;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory()
      ? sources(join(folder, entry.name))
      : /\.tsx?$/.test(entry.name) && !entry.name.includes('.test.')
        ? [join(folder, entry.name)]
        : [],
  );
}

const messages = Object.fromEntries(languages.map(language => [language, messagesOf(language)]));
const english = messages.en!;

describe('messages', () => {
  it.each(languages)('of %s has every key of English, filled, with the same names', language => {
    const own = messages[language]!;
    expect(Object.keys(own).sort()).toEqual(Object.keys(english).sort());
    for (const [key, text] of Object.entries(own)) {
      expect(text.trim(), key).not.toBe('');
      expect(namesIn(text), key).toEqual(namesIn(english[key]!));
    }
  });

  it('exist for each key that a page asks for', () => {
    const asked = sources(join(here, '..')).flatMap(file =>
      [...readFileSync(file, 'utf8').matchAll(/\bt\(\s*'([\w.]+)'/g)].map(match => match[1]!),
    );
    expect(asked.length).toBeGreaterThan(300);
    expect([...new Set(asked)].filter(key => !(key in english))).toEqual([]);
  });

  it('exist for each area from which a page takes words', () => {
    const areas = sources(join(here, '..')).flatMap(file =>
      [...readFileSync(file, 'utf8').matchAll(/\bword\('(\w+)'/g)].map(match => match[1]!),
    );
    expect([...new Set(areas)].filter(area => !Object.keys(english).some(key => key.startsWith(`${area}.`)))).toEqual([]);
  });

  it('keep a name that nobody gives in sight', () => {
    expect(fillIn('{a} and {b}', { a: 1 })).toBe('1 and {b}');
    expect(fillIn('{constructor}', {})).toBe('{constructor}');
  });

  it('are in the language that was chosen, else in one that the browser asks for', () => {
    expect(firstLanguage('hi', ['es'])).toBe('hi');
    expect(firstLanguage('toString', ['de-DE', 'ar-EG'])).toBe('ar');
    expect(firstLanguage(null, ['fr'])).toBe('en');
  });
});
