import { useState } from 'react';
import { call } from '../../api/client';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { Secret } from '../../kit/Reveal';

interface Offer {
  secret: string;
  uri: string;
  qr: string[];
}

/** The square code as one path: rows of 0 and 1. */
function QrCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const path = rows.flatMap((row, y) => [...row].map((cell, x) => (cell === '1' ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${rows[0]?.length ?? 1} ${rows.length}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <path d={path} fill="#000" />
    </svg>
  );
}

/** Password, code of the app, recovery codes: three steps, the codes shown once. */
export function EnrolSecondFactor({ onDone }: { onDone: () => void }) {
  const { t } = useI18n();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [offer, setOffer] = useState<Offer | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);

  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setFault(null);
    try {
      await work();
    } catch (refused) {
      setFault(refused);
    } finally {
      setBusy(false);
    }
  };

  if (codes) {
    return (
      <div className="stack">
        <div className="notice notice-warn">{t('auth.recovery_keep')}</div>
        <ul className="codes plain" dir="ltr">
          {codes.map(one => (
            <li key={one}>{one}</li>
          ))}
        </ul>
        <Button look="primary" onClick={onDone}>
          {t('auth.recovery_kept')}
        </Button>
      </div>
    );
  }
  if (offer) {
    return (
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          void run(async () => {
            const answer = await call<{ recovery_codes: string[] }>('POST', '/v1/auth/second-factor/confirm', {
              code: code.replace(/\s/g, ''),
            });
            setCodes(answer.recovery_codes);
          });
        }}
      >
        <p>{t('auth.enrol_scan')}</p>
        <QrCode rows={offer.qr} label={t('auth.enrol_qr')} />
        <Secret value={offer.secret} label={t('auth.enrol_secret')} />
        <TextField
          label={t('auth.code')}
          value={code}
          inputMode="numeric"
          autoComplete="one-time-code"
          dir="ltr"
          onChange={event => setCode(event.target.value)}
        />
        <Fault fault={fault} />
        <Button type="submit" look="primary" busy={busy} disabled={code.trim() === ''}>
          {t('auth.enrol_confirm')}
        </Button>
      </form>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        void run(async () => setOffer(await call<Offer>('POST', '/v1/auth/second-factor', { password })));
      }}
    >
      <TextField
        label={t('auth.password')}
        type="password"
        autoComplete="current-password"
        value={password}
        dir="ltr"
        hint={t('auth.enrol_password')}
        onChange={event => setPassword(event.target.value)}
      />
      <Fault fault={fault} />
      <Button type="submit" look="primary" busy={busy} disabled={password === ''}>
        {t('auth.enrol_begin')}
      </Button>
    </form>
  );
}
