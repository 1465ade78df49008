import { useState } from 'react';
import { Link, Navigate, useLocation } from 'react-router';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import type { SessionBody } from '../../app/session';
import { useSessions } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { EntryPage } from './EntryPage';
import { placeToReturnTo } from './returnTo';

export function SignIn() {
  const { t } = useI18n();
  const { session, signedIn } = useSessions();
  const { state } = useLocation();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [recovery, setRecovery] = useState(false);
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);

  if (session) {
    return <Navigate to={placeToReturnTo(state)} replace />;
  }

  const submit = async () => {
    setBusy(true);
    setFault(null);
    const factor = !second ? {} : recovery ? { recovery_code: code.trim() } : { code: code.replace(/\s/g, '') };
    try {
      signedIn(await call<SessionBody>('POST', '/v1/auth/login', { email: email.trim(), password, cookie: true, ...factor }));
    } catch (refused) {
      const problem = refused as Problem;
      if (problem.code === 'auth.second_factor_required') {
        setSecond(true);
      } else {
        setFault(refused);
      }
    } finally {
      setBusy(false);
    }
  };

  if (second) {
    return (
      <EntryPage
        title={t('auth.second_factor')}
        lead={t(recovery ? 'auth.recovery_lead' : 'auth.code_lead')}
        onSubmit={() => void submit()}
      >
        <TextField
          key={String(recovery)}
          label={t(recovery ? 'auth.recovery_code' : 'auth.code')}
          value={code}
          autoFocus
          required
          dir="ltr"
          autoComplete="one-time-code"
          inputMode={recovery ? 'text' : 'numeric'}
          onChange={event => setCode(event.target.value)}
        />
        <Fault fault={fault} />
        <Button type="submit" look="primary" busy={busy} disabled={code.trim() === ''}>
          {t('auth.sign_in')}
        </Button>
        <Button
          look="quiet"
          onClick={() => {
            setRecovery(!recovery);
            setCode('');
          }}
        >
          {t(recovery ? 'auth.use_code' : 'auth.use_recovery')}
        </Button>
        <Button
          look="quiet"
          onClick={() => {
            setSecond(false);
            setCode('');
            setFault(null);
          }}
        >
          {t('common.back')}
        </Button>
      </EntryPage>
    );
  }
  return (
    <EntryPage title={t('auth.sign_in')} lead={t('auth.sign_in_lead')} onSubmit={() => void submit()}>
      <TextField
        label={t('auth.email')}
        type="email"
        name="email"
        autoComplete="username"
        required
        value={email}
        dir="ltr"
        onChange={event => setEmail(event.target.value)}
      />
      <TextField
        label={t('auth.password')}
        type="password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        dir="ltr"
        onChange={event => setPassword(event.target.value)}
      />
      <Fault fault={fault} />
      <Button type="submit" look="primary" busy={busy} disabled={email.trim() === '' || password === ''}>
        {t('auth.sign_in')}
      </Button>
      <p>
        <Link to="/forgot">{t('auth.forgot')}</Link>
      </p>
    </EntryPage>
  );
}
