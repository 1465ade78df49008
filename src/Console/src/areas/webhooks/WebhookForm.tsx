import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import type { Webhook } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Checkbox, Select, TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { Secret } from '../../kit/Reveal';
import { EVENTS, toggled } from './events';

export function WebhookForm({
  webhook,
  onClose,
  onMade,
}: {
  webhook?: Webhook;
  onClose: () => void;
  onMade: (id: string) => void;
}) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({
    name: webhook?.name ?? '',
    url: webhook?.url ?? '',
    payload: webhook?.payload ?? 'full',
    events: webhook?.events ?? ['message.*'],
  });
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  const save = useMutation({
    mutationFn: (): Promise<{ id: string; secret?: string }> =>
      webhook
        ? call<{ id: string }>('PATCH', '/v1/webhooks/{id}', form, { path: { id: webhook.id } })
        : call<{ id: string; secret?: string }>('POST', '/v1/webhooks', form),
    onSuccess: async answer => {
      await client.invalidateQueries({ queryKey: ['/v1/webhooks'] });
      await client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}'] });
      if (answer.secret) {
        setMade({ id: answer.id, secret: answer.secret });
      } else {
        onMade(answer.id);
        onClose();
      }
    },
  });
  const errors = save.error instanceof Problem ? save.error.errors : {};
  if (made) {
    const done = () => {
      onMade(made.id);
      onClose();
    };
    return (
      <Dialog
        title={t('webhooks.secret')}
        onClose={done}
        actions={
          <Button look="primary" onClick={done}>
            {t('common.done')}
          </Button>
        }
      >
        <div className="notice notice-warn">{t('webhooks.secret_text')}</div>
        <Secret value={made.secret} label={t('webhooks.secret')} />
      </Dialog>
    );
  }
  return (
    <Dialog
      title={webhook ? t('webhooks.edit') : t('webhooks.new')}
      wide
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            busy={save.isPending}
            disabled={!form.name.trim() || !form.url.trim() || form.events.length === 0}
            onClick={() => save.mutate()}
          >
            {t('common.save')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('common.name')}
        value={form.name}
        maxLength={100}
        error={errors.name}
        onChange={event => setForm({ ...form, name: event.target.value })}
      />
      <TextField
        label={t('webhooks.url')}
        type="url"
        dir="ltr"
        placeholder="https://"
        value={form.url}
        error={errors.url}
        onChange={event => setForm({ ...form, url: event.target.value })}
      />
      <Select
        label={t('webhooks.payload')}
        value={form.payload}
        hint={t('webhooks.payload_hint')}
        onChange={event => setForm({ ...form, payload: event.target.value })}
        choices={['full', 'thin'].map(value => ({ value, label: t(`webhooks.payload_${value}`) }))}
      />
      <fieldset className="stack-small">
        <legend>{t('webhooks.events')}</legend>
        {Object.entries(EVENTS).map(([family, types]) => {
          const all = form.events.includes('*') || form.events.includes(`${family}.*`);
          return (
            <details key={family}>
              <summary>
                <code>{family}.*</code> {form.events.some(one => one.startsWith(`${family}.`)) && '✓'}
              </summary>
              <div className="form-grid event-grid">
                <Checkbox
                  label={t('common.all')}
                  checked={all}
                  onChange={() =>
                    setForm({
                      ...form,
                      events: toggled(
                        form.events.filter(one => one !== '*'),
                        `${family}.*`,
                      ),
                    })
                  }
                />
                {types.map(type => (
                  <Checkbox
                    key={type}
                    label={<code>{type}</code>}
                    disabled={all}
                    checked={all || form.events.includes(`${family}.${type}`)}
                    onChange={() => setForm({ ...form, events: toggled(form.events, `${family}.${type}`) })}
                  />
                ))}
              </div>
            </details>
          );
        })}
      </fieldset>
      <Fault fault={save.error} />
    </Dialog>
  );
}
