import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../../api/client';
import type { Contact } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Confirm, Dialog } from '../../kit/Dialog';
import { Select, TextField } from '../../kit/Field';
import { Fault, Loading } from '../../kit/Page';
import { merge, useContactSearch } from './ContactPage';
import { nameOf } from './ContactsPage';

export function MergeContact({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [q, setQ] = useState('');
  const [other, setOther] = useState('');
  const found = useContactSearch(q);
  const act = useMutation({
    mutationFn: () => merge(contact.id, other),
    onSuccess: async () => {
      await client.invalidateQueries();
      onClose();
    },
  });
  return (
    <Confirm
      title={t('contacts.merge')}
      text={t('contacts.merge_text')}
      action={t('contacts.merge')}
      busy={act.isPending}
      error={<Fault fault={act.error} />}
      onClose={onClose}
      onConfirm={() => other && act.mutate()}
    >
      <TextField label={t('contacts.search')} type="search" value={q} onChange={event => setQ(event.target.value)} />
      <Select
        label={t('contacts.merge_with')}
        value={other}
        onChange={event => setOther(event.target.value)}
        choices={[
          { value: '', label: t('common.choose') },
          ...found.rows
            .filter(row => row.id !== contact.id)
            .map(row => ({
              value: row.id,
              label: `${nameOf(row)} ${row.phone_number ?? row.wa_user_id ?? ''}`.trim(),
            })),
        ]}
      />
    </Confirm>
  );
}

/** Erasing takes a while; asking again tells how far it is. */
export function EraseContact({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const { t, word, time } = useI18n();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [typed, setTyped] = useState('');
  const [begun, setBegun] = useState(false);
  const erasure = useQuery({
    queryKey: ['erasure', contact.id],
    queryFn: () => api.post('/v1/contacts/{id}/erase', null, { path: { id: contact.id } }),
    enabled: begun,
    refetchInterval: query => (query.state.data?.status === 'completed' || query.state.error ? false : 1500),
    retry: false,
  });
  const expected = contact.phone_number ?? t('contacts.erase_word');
  const close = async () => {
    onClose();
    if (begun) {
      await client.invalidateQueries();
      await navigate('/contacts');
    }
  };
  if (!begun) {
    return (
      <Confirm
        title={t('contacts.erase')}
        danger
        text={t('contacts.erase_text')}
        action={t('contacts.erase')}
        onClose={onClose}
        onConfirm={() => typed.trim() === expected && setBegun(true)}
      >
        <TextField
          label={t('contacts.erase_type', { text: expected })}
          value={typed}
          dir="ltr"
          onChange={event => setTyped(event.target.value)}
        />
      </Confirm>
    );
  }
  return (
    <Dialog
      title={t('contacts.erase')}
      onClose={() => void close()}
      actions={
        <Button look="primary" onClick={() => void close()}>
          {t('common.close')}
        </Button>
      }
    >
      <Fault fault={erasure.error} retry={() => void erasure.refetch()} />
      {!erasure.data && !erasure.error && <Loading />}
      {erasure.data && (
        <div role="status" className={erasure.data.status === 'completed' ? 'notice notice-good' : 'notice'}>
          {word('status', erasure.data.status)} {erasure.data.completed_at && time(erasure.data.completed_at)}
        </div>
      )}
    </Dialog>
  );
}
