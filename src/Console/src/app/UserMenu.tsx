import { useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';
import { useI18n } from '../i18n/I18n';
import type { Language } from '../i18n/languages';
import { LANGUAGES } from '../i18n/languages';
import { Button } from '../kit/Button';
import { Select } from '../kit/Field';
import { useToasts } from '../kit/Toast';
import { useSession, useSessions } from './session';
import type { Theme } from './theme';
import { useTheme } from './theme';

export function LanguageSelect({ hideLabel }: { hideLabel?: boolean }) {
  const { t, language, setLanguage } = useI18n();
  return (
    <Select
      label={t('common.language')}
      hideLabel={hideLabel}
      value={language}
      onChange={event => setLanguage(event.target.value as Language)}
      choices={Object.entries(LANGUAGES).map(([value, { name }]) => ({ value, label: name }))}
    />
  );
}

export function ThemeSelect() {
  const { t } = useI18n();
  const { theme, set } = useTheme();
  return (
    <Select
      label={t('common.theme')}
      value={theme}
      onChange={event => set(event.target.value as Theme)}
      choices={(['system', 'light', 'dark'] as const).map(value => ({ value, label: t(`theme.${value}`) }))}
    />
  );
}

export function UserMenu() {
  const { t, word } = useI18n();
  const { body, role } = useSession();
  const { signOut } = useSessions();
  const { fail } = useToasts();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const name = [body.user.first_name, body.user.last_name].filter(Boolean).join(' ') || body.user.email;

  useEffect(() => {
    if (!open) {
      return undefined;
    }
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('mousedown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('mousedown', close);
      document.removeEventListener('keydown', close);
    };
  }, [open]);

  return (
    <div className="user-menu" ref={box}>
      <Button look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="avatar" aria-hidden="true">
          {[...name][0]?.toUpperCase()}
        </span>
        <bdi className="user-name">{name}</bdi>
      </Button>
      {open && (
        <div className="menu">
          <div className="menu-head">
            <bdi>{body.user.email}</bdi>
            <div className="muted">{word('role', role)}</div>
          </div>
          <ThemeSelect />
          <LanguageSelect />
          <Link className="menu-link" to="/settings/me" onClick={() => setOpen(false)}>
            {t('nav.my_account')}
          </Link>
          <Button onClick={() => signOut().catch(fail)}>{t('auth.sign_out')}</Button>
        </div>
      )}
    </div>
  );
}
