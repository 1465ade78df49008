import { useState } from 'react';
import { useI18n } from '../../i18n/I18n';
import { TextField } from '../../kit/Field';
import { PasswordEntry } from './PasswordEntry';

export default function Invitation() {
  const { t } = useI18n();
  const [first, setFirst] = useState('');
  const [last, setLast] = useState('');
  return (
    <PasswordEntry
      title={t('auth.invitation_title')}
      lead={t('auth.invitation_lead')}
      action={t('auth.invitation_accept')}
      done={t('auth.invitation_done')}
      path="/v1/auth/invitations/accept"
      more={{ first_name: first.trim() || null, last_name: last.trim() || null }}
    >
      <TextField
        label={t('contacts.first_name')}
        autoComplete="given-name"
        value={first}
        onChange={event => setFirst(event.target.value)}
      />
      <TextField
        label={t('contacts.last_name')}
        autoComplete="family-name"
        value={last}
        onChange={event => setLast(event.target.value)}
      />
    </PasswordEntry>
  );
}
