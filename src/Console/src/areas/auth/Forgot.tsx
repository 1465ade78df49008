import { useState } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { EntryPage } from './EntryPage';

/** The answer is the same whether there is such a person or not. */
export default function Forgot() {
  const { t } = useI18n();
  const [email, setEmail] = useState('');
  const [state, setState] = useState<'asked' | 'busy' | 'sent'>('asked');
  const [fault, setFault] = useState<unknown>(null);
  const submit = async () => {
    setState('busy');
    setFault(null);
    try {
      await call('POST', '/v1/auth/forgot', { email: email.trim() });
      setState('sent');
    } catch (refused) {
      setFault(refused);
      setState('asked');
    }
  };
  return (
    <EntryPage title={t('auth.forgot_title')} lead={t('auth.forgot_lead')} onSubmit={() => void submit()}>
      {state === 'sent' ? (
        <div className="notice notice-good" role="status">
          {t('auth.forgot_sent')}
        </div>
      ) : (
        <>
          <TextField
            label={t('auth.email')}
            type="email"
            autoComplete="username"
            required
            value={email}
            dir="ltr"
            onChange={event => setEmail(event.target.value)}
          />
          <Fault fault={fault} />
          <Button type="submit" look="primary" busy={state === 'busy'} disabled={email.trim() === ''}>
            {t('auth.forgot_send')}
          </Button>
        </>
      )}
      <p>
        <Link to="/sign-in">{t('auth.sign_in')}</Link>
      </p>
    </EntryPage>
  );
}
