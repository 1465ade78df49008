import { useState } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { EntryPage } from './EntryPage';
import { useToken } from './token';

export default function Invitation() {
  const { t } = useI18n();
  const token = useToken();
  const [first, setFirst] = useState('');
  const [last, setLast] = useState('');
  const [password, setPassword] = useState('');
  const [state, setState] = useState<'asked' | 'busy' | 'done'>('asked');
  const [fault, setFault] = useState<unknown>(null);
  const submit = async () => {
    setState('busy');
    setFault(null);
    try {
      await call('POST', '/v1/auth/invitations/accept', {
        token,
        password,
        first_name: first.trim() || null,
        last_name: last.trim() || null,
      });
      setState('done');
    } catch (refused) {
      setFault(refused);
      setState('asked');
    }
  };
  return (
    <EntryPage title={t('auth.invitation_title')} lead={t('auth.invitation_lead')} onSubmit={() => void submit()}>
      {!token && <div className="notice notice-bad">{t('auth.link_incomplete')}</div>}
      {state === 'done' && (
        <div className="notice notice-good" role="status">
          {t('auth.invitation_done')}
        </div>
      )}
      {token && state !== 'done' && (
        <>
          <TextField
            label={t('contacts.first_name')}
            autoComplete="given-name"
            value={first}
            onChange={e => setFirst(e.target.value)}
          />
          <TextField
            label={t('contacts.last_name')}
            autoComplete="family-name"
            value={last}
            onChange={e => setLast(e.target.value)}
          />
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
            {t('auth.invitation_accept')}
          </Button>
        </>
      )}
      <p>
        <Link to="/sign-in">{t('auth.sign_in')}</Link>
      </p>
    </EntryPage>
  );
}
