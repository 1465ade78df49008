import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import type { Contact } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Select, TextArea, TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { latinDigits } from '../../lib/money';
import { fieldsPatch, readFields, showFields } from './fields';

export function ContactForm({
  contact,
  onClose,
  onSaved,
}: {
  contact?: Contact;
  onClose: () => void;
  onSaved: (id: string) => void;
}) {
  const { t, word } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({
    phone_number: contact?.phone_number ?? '',
    first_name: contact?.first_name ?? '',
    last_name: contact?.last_name ?? '',
    email: contact?.email ?? '',
    tags: contact?.tags.join(', ') ?? '',
    custom: showFields(contact?.custom_fields),
    consent_status: 'PENDING',
    consent_source: 'console',
    consent_proof: '',
  });
  const set = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [name]: event.target.value });
  const save = useMutation({
    mutationFn: () => {
      const fields = readFields(form.custom);
      const body = {
        phone_number: latinDigits(form.phone_number).replace(/[\s()-]/g, '') || null,
        first_name: form.first_name.trim() || null,
        last_name: form.last_name.trim() || null,
        email: form.email.trim() || null,
        tags: form.tags
          .split(',')
          .map(tag => tag.trim())
          .filter(tag => tag !== ''),
      };
      return contact
        ? call<Contact>(
            'PATCH',
            '/v1/contacts/{id}',
            { ...body, custom_fields: fieldsPatch(contact.custom_fields, fields) },
            { path: { id: contact.id } },
          )
        : call<Contact>('POST', '/v1/contacts', {
            ...body,
            custom_fields: fields,
            consent_status: form.consent_status,
            ...(form.consent_status === 'PENDING'
              ? {}
              : { consent_source: form.consent_source || 'console', consent_proof: form.consent_proof || null }),
          });
    },
    onSuccess: async saved => {
      await client.invalidateQueries({ queryKey: ['/v1/contacts'] });
      await client.invalidateQueries({ queryKey: ['/v1/contacts/{id}'] });
      onSaved(saved.id);
      onClose();
    },
  });
  const errors = save.error instanceof Problem ? save.error.errors : {};
  return (
    <Dialog
      title={contact ? t('contacts.edit') : t('contacts.new')}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" busy={save.isPending} onClick={() => save.mutate()}>
            {t('common.save')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('field.phone_number')}
        value={form.phone_number}
        dir="ltr"
        inputMode="tel"
        placeholder="+…"
        error={errors.phone_number}
        onChange={set('phone_number')}
      />
      <div className="form-grid">
        <TextField
          label={t('contacts.first_name')}
          value={form.first_name}
          error={errors.first_name}
          onChange={set('first_name')}
        />
        <TextField label={t('contacts.last_name')} value={form.last_name} error={errors.last_name} onChange={set('last_name')} />
      </div>
      <TextField
        label={t('contacts.email')}
        type="email"
        value={form.email}
        dir="ltr"
        error={errors.email}
        onChange={set('email')}
      />
      <TextField
        label={t('inbox.tags')}
        value={form.tags}
        hint={t('audience.comma')}
        error={errors.tags}
        onChange={set('tags')}
      />
      <TextArea
        label={t('contacts.custom')}
        value={form.custom}
        hint={t('contacts.custom_hint')}
        error={errors.custom_fields}
        onChange={set('custom')}
      />
      {!contact && (
        <div className="form-grid">
          <Select
            label={t('contacts.consent')}
            value={form.consent_status}
            onChange={set('consent_status')}
            choices={['PENDING', 'OPTED_IN', 'OPTED_OUT'].map(value => ({ value, label: word('status', value) }))}
          />
          {form.consent_status !== 'PENDING' && (
            <>
              <TextField label={t('contacts.source')} value={form.consent_source} onChange={set('consent_source')} />
              <TextField label={t('contacts.proof')} value={form.consent_proof} onChange={set('consent_proof')} />
            </>
          )}
        </div>
      )}
      <Fault fault={save.error} />
    </Dialog>
  );
}
