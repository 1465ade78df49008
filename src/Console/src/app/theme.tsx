import { useCallback, useState } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const STORED = 'bsp.theme';

function stored(): Theme {
  try {
    const theme = localStorage.getItem(STORED);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

/** Before the first paint, so that nothing flashes. */
export function applyTheme(theme: Theme = stored()): void {
  if (theme === 'system') {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
}

export function useTheme(): { theme: Theme; dark: boolean; set: (theme: Theme) => void } {
  const [theme, setTheme] = useState<Theme>(stored);
  const set = useCallback((next: Theme) => {
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // no storage: the choice holds for this page
    }
    applyTheme(next);
    setTheme(next);
  }, []);
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return { theme, dark, set };
}
