import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useMemo, useRef, useState } from 'react';
import { messageOf } from '../api/problem';
import { useI18n } from '../i18n/I18n';
import { IconButton } from './Button';
import { Icon } from './Icon';

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

interface Toasts {
  say: (text: string) => void;
  fail: (fault: unknown) => void;
}

const SHOWN_MS = 6000;
const SHOWN_MAX = 4;
const Context = createContext<Toasts | null>(null);

/** Short news at the page's edge, read out by screen readers. Bad news stays until it is closed. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useI18n();
  const [toasts, setToasts] = useState<Toast[]>([]);
  const last = useRef(0);
  const close = useCallback((id: number) => setToasts(all => all.filter(toast => toast.id !== id)), []);
  const add = useCallback(
    (text: string, bad: boolean) => {
      const id = ++last.current;
      setToasts(all => [...all.filter(toast => toast.text !== text), { id, text, bad }].slice(-SHOWN_MAX));
      if (!bad) {
        setTimeout(() => close(id), SHOWN_MS);
      }
    },
    [close],
  );
  const value = useMemo(
    () => ({
      say: (text: string) => add(text, false),
      fail: (fault: unknown) => add(messageOf(fault), true),
    }),
    [add],
  );
  return (
    <Context value={value}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(toast => (
          <div key={toast.id} className={toast.bad ? 'toast toast-bad' : 'toast'}>
            <span>{toast.text}</span>
            <IconButton small label={t('common.close')} onClick={() => close(toast.id)}>
              <Icon name="close" />
            </IconButton>
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) {
    throw new Error('There is no ToastProvider.');
  }
  return toasts;
}
