import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Account, ApiKey } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm, Dialog } from '../../kit/Dialog';
import { Select, TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Secret } from '../../kit/Reveal';

interface NewKey {
  id: string;
  key?: string;
}

export default function KeysPage() {
  const { t, time, ago } = useI18n();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<{ key: ApiKey; act: 'revoke' | 'rotate' } | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const list = useList<ApiKey>('/v1/api-keys', { query: { limit: 100 } });
  const refresh = () => client.invalidateQueries({ queryKey: ['/v1/api-keys'] });
  const act = useMutation({
    mutationFn: async ({ key, act: verb }: { key: ApiKey; act: 'revoke' | 'rotate' }) => {
      if (verb === 'revoke') {
        await api.delete('/v1/api-keys/{id}', { path: { id: key.id } });
        return null;
      }
      return call<NewKey>('POST', '/v1/api-keys/{id}/rotate', { grace_hours: 24 }, { path: { id: key.id } });
    },
    onSuccess: made => {
      setAsked(null);
      setShown(made?.key ?? null);
    },
    onSettled: refresh,
  });
  return (
    <Page
      title={t('nav.keys')}
      lead={t('keys.lead')}
      actions={
        <Button look="primary" onClick={() => setAdding(true)}>
          {t('keys.new')}
        </Button>
      }
    >
      <Card flush>
        <ListTable
          list={list}
          caption={t('nav.keys')}
          keyOf={row => row.id}
          empty={<EmptyState title={t('keys.none')} />}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <bdi className="strong">{row.name}</bdi>
                  <div>
                    <code className="muted">{row.key_prefix}…</code>
                  </div>
                </>
              ),
            },
            { key: 'may', head: t('keys.permissions'), cell: row => <Badge>{t(`keys.${row.permissions}`)}</Badge> },
            {
              key: 'status',
              head: t('common.status'),
              cell: row =>
                row.revoked_at ? (
                  <Badge tone="bad">{t('keys.revoked')}</Badge>
                ) : row.expires_at && Date.parse(row.expires_at) < Date.now() ? (
                  <Badge tone="warn">{t('keys.expired')}</Badge>
                ) : (
                  <Badge tone="good">{t('keys.valid')}</Badge>
                ),
            },
            { key: 'used', head: t('keys.last_used'), end: true, wide: true, cell: row => ago(row.last_used_at) },
            { key: 'expires', head: t('keys.expires'), end: true, wide: true, cell: row => time(row.expires_at) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row =>
                !row.revoked_at && (
                  <div className="row">
                    <Button small onClick={() => setAsked({ key: row, act: 'rotate' })}>
                      {t('keys.rotate')}
                    </Button>
                    <Button small onClick={() => setAsked({ key: row, act: 'revoke' })}>
                      {t('keys.revoke')}
                    </Button>
                  </div>
                ),
            },
          ]}
        />
      </Card>
      {adding && (
        <AddKey
          onClose={() => setAdding(false)}
          onMade={key => {
            setAdding(false);
            setShown(key);
            void refresh();
          }}
        />
      )}
      {asked && (
        <Confirm
          title={t(`keys.${asked.act}`)}
          text={t(`keys.ask_${asked.act}`, { name: asked.key.name })}
          action={t(`keys.${asked.act}`)}
          danger={asked.act === 'revoke'}
          busy={act.isPending}
          error={<Fault fault={act.error} />}
          onConfirm={() => act.mutate(asked)}
          onClose={() => setAsked(null)}
        />
      )}
      {shown && (
        <Dialog
          title={t('keys.shown_once')}
          onClose={() => setShown(null)}
          actions={
            <Button look="primary" onClick={() => setShown(null)}>
              {t('common.done')}
            </Button>
          }
        >
          <div className="notice notice-warn">{t('keys.shown_once_text')}</div>
          <Secret value={shown} label={t('keys.key')} />
        </Dialog>
      )}
    </Page>
  );
}

function AddKey({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const { t } = useI18n();
  const [form, setForm] = useState({ name: '', permissions: 'read', expires: '', account: '' });
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const save = useMutation({
    mutationFn: () =>
      call<NewKey>('POST', '/v1/api-keys', {
        name: form.name.trim(),
        permissions: form.permissions,
        expires_at: form.expires ? new Date(`${form.expires}T00:00:00`).toISOString() : null,
        account_id: form.account || null,
      }),
    onSuccess: made => onMade(made.key ?? ''),
  });
  const set = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [name]: event.target.value });
  return (
    <Dialog
      title={t('keys.new')}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" busy={save.isPending} disabled={form.name.trim() === ''} onClick={() => save.mutate()}>
            {t('common.create')}
          </Button>
        </>
      }
    >
      <TextField label={t('common.name')} value={form.name} maxLength={100} onChange={set('name')} />
      <Select
        label={t('keys.permissions')}
        value={form.permissions}
        onChange={set('permissions')}
        hint={t(`keys.${form.permissions}_text`)}
        choices={['read', 'write', 'admin'].map(value => ({ value, label: t(`keys.${value}`) }))}
      />
      {form.permissions !== 'admin' && (
        <Select
          label={t('keys.only_number')}
          value={form.account}
          onChange={set('account')}
          choices={[
            { value: '', label: t('common.all') },
            ...accounts.rows.map(row => ({ value: row.id, label: `${row.display_name} · ${row.phone_number}` })),
          ]}
        />
      )}
      <TextField label={t('keys.expires')} type="date" value={form.expires} onChange={set('expires')} />
      <Fault fault={save.error} />
    </Dialog>
  );
}
