import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { formatMoney } from '../lib/money';
import * as times from '../lib/time';
import type { Language } from './languages';
import { firstLanguage, LANGUAGES } from './languages';
import type { Values } from './text';
import { fillIn } from './text';

type Messages = Record<string, string>;

const STORED = 'bsp.language';
const files: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import('./messages/en'),
  ar: () => import('./messages/ar'),
  es: () => import('./messages/es'),
  hi: () => import('./messages/hi'),
};

const load = async (language: Language): Promise<Messages> => (await files[language]()).default;

export interface I18n {
  language: Language;
  locale: string;
  dir: 'ltr' | 'rtl';
  setLanguage: (language: Language) => void;
  /** The message of a key. */
  t: (key: string, values?: Values) => string;
  /** The message for a word of the server's; the word itself when there is none. */
  word: (area: string, word: string | null | undefined) => string;
  money: (amount: string | null | undefined, currency: string | null | undefined) => string;
  time: (at: string | number | Date | null | undefined) => string;
  day: (at: string | number | Date | null | undefined) => string;
  brief: (at: string | null | undefined) => string;
  ago: (at: string | null | undefined) => string;
  duration: (seconds: number | null | undefined) => string;
  number: (value: number | null | undefined) => string;
  share: (value: number | null | undefined) => string;
}

const Context = createContext<I18n | null>(null);

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage is switched off: the choice holds for this page
  }
}

/** Loads the messages of the language; what was loaded before stays until they are there. */
export function I18nProvider({ children }: { children: ReactNode }) {
  const [wanted, setWanted] = useState<Language>(() => firstLanguage(stored(), navigator.languages));
  const [shown, setShown] = useState<{ language: Language; messages: Messages } | null>(null);

  useEffect(() => {
    let current = true;
    void load(wanted).then(messages => {
      if (current) {
        document.documentElement.lang = wanted;
        document.documentElement.dir = LANGUAGES[wanted].dir;
        setShown({ language: wanted, messages });
      }
    });
    return () => {
      current = false;
    };
  }, [wanted]);

  const setLanguage = useCallback((language: Language) => {
    try {
      localStorage.setItem(STORED, language);
    } catch {
      // as above
    }
    setWanted(language);
  }, []);

  const value = useMemo(() => (shown ? make(shown.language, shown.messages, setLanguage) : null), [shown, setLanguage]);
  return value ? <Context value={value}>{children}</Context> : null;
}

function make(language: Language, messages: Messages, setLanguage: (language: Language) => void): I18n {
  const { locale, dir } = LANGUAGES[language];
  return {
    language,
    locale,
    dir,
    setLanguage,
    t: (key, values) => fillIn(messages[key] ?? key, values),
    word: (area, word) => (word ? (messages[`${area}.${word}`] ?? word) : '–'),
    money: (amount, currency) => formatMoney(amount, currency, locale),
    time: at => times.formatTime(at, locale),
    day: at => times.formatDay(at, locale),
    brief: at => times.formatBrief(at, locale),
    ago: at => times.formatAgo(at, locale),
    duration: seconds => times.formatDuration(seconds, locale),
    number: value => times.formatNumber(value, locale),
    share: value => times.formatShare(value, locale),
  };
}

export function useI18n(): I18n {
  const i18n = useContext(Context);
  if (!i18n) {
    throw new Error('There are no messages outside of I18nProvider.');
  }
  return i18n;
}
