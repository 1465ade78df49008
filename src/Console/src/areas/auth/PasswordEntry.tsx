import type { ReactNode } from 'react';
import { useState } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { EntryPage } from './EntryPage';
import { useToken } from './token';

interface Props {
  title: string;
  lead?: string;
  /** What the button says. */
  action: string;
  /** What is said when it is done. */
  done: string;
  /** Takes the token of the mail and the new password. */
  path: '/v1/auth/reset' | '/v1/auth/invitations/accept';
  /** What is sent along. */
  more?: object;
  /** Fields before the password. */
  children?: ReactNode;
}

/** A page that a link in a mail leads to, where one chooses a password. */
export function PasswordEntry({ title, lead, action, done, path, more, children }: Props) {
  const { t } = useI18n();
  const token = useToken();
  const [password, setPassword] = useState('');
  const [state, setState] = useState<'asked' | 'busy' | 'done'>('asked');
  const [fault, setFault] = useState<unknown>(null);
  const submit = async () => {
    setState('busy');
    setFault(null);
    try {
      await call('POST', path, { token, password, ...more });
      setState('done');
    } catch (refused) {
      setFault(refused);
      setState('asked');
    }
  };
  return (
    <EntryPage title={title} lead={lead} onSubmit={() => void submit()}>
      {!token && <div className="notice notice-bad">{t('auth.link_incomplete')}</div>}
      {state === 'done' && (
        <div className="notice notice-good" role="status">
          {done}
        </div>
      )}
      {token && state !== 'done' && (
        <>
          {children}
          <TextField
            label={t('auth.new_password')}
            type="password"
            autoComplete="new-password"
            required
            value={password}
            dir="ltr"
            hint={t('auth.password_hint')}
            onChange={event => setPassword(event.target.value)}
          />
          <Fault fault={fault} />
          <Button type="submit" look="primary" busy={state === 'busy'} disabled={password === ''}>
            {action}
          </Button>
        </>
      )}
      <p>
        <Link to="/sign-in">{t('auth.sign_in')}</Link>
      </p>
    </EntryPage>
  );
}
