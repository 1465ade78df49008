import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Canned } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { TextArea, TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own } from '../../kit/Phone';
import { SettingsNav } from './SettingsArea';

export function CannedPage() {
  const { t } = useI18n();
  const { can } = useSession();
  const [edited, setEdited] = useState<Canned | 'new' | null>(null);
  const list = useList<Canned>('/v1/canned-replies', { query: { limit: 100 } });
  return (
    <Page
      title={t('inbox.canned')}
      lead={t('settings.canned_lead')}
      actions={
        can('manager') && (
          <Button look="primary" onClick={() => setEdited('new')}>
            {t('settings.new_canned')}
          </Button>
        )
      }
    >
      <SettingsNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('inbox.canned')}
          keyOf={row => row.id}
          empty={<EmptyState title={t('settings.no_canned')} />}
          columns={[
            { key: 'shortcut', head: t('settings.shortcut'), cell: row => <code>/{row.shortcut}</code> },
            { key: 'text', head: t('campaigns.text'), cell: row => <Own text={row.text} /> },
            { key: 'language', head: t('common.language'), wide: true, cell: row => row.language ?? '–' },
            ...(can('manager')
              ? [
                  {
                    key: 'x',
                    head: t('common.actions'),
                    end: true,
                    cell: (row: Canned) => (
                      <Button small onClick={() => setEdited(row)}>
                        {t('common.edit')}
                      </Button>
                    ),
                  },
                ]
              : []),
          ]}
        />
      </Card>
      {edited && <CannedForm reply={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </Page>
  );
}

function CannedForm({ reply, onClose }: { reply: Canned | null; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({ shortcut: reply?.shortcut ?? '', text: reply?.text ?? '', language: reply?.language ?? '' });
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['/v1/canned-replies'] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () => {
      const body = { shortcut: form.shortcut.trim().replace(/^\//, ''), text: form.text, language: form.language.trim() || null };
      return reply
        ? call('PATCH', '/v1/canned-replies/{id}', body, { path: { id: reply.id } })
        : call('POST', '/v1/canned-replies', body);
    },
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => api.delete('/v1/canned-replies/{id}', { path: { id: reply?.id ?? '' } }),
    onSuccess: done,
  });
  return (
    <Dialog
      title={reply ? t('common.edit') : t('settings.new_canned')}
      onClose={onClose}
      actions={
        <>
          {reply && (
            <Button busy={remove.isPending} onClick={() => remove.mutate()}>
              {t('common.delete')}
            </Button>
          )}
          <Button
            look="primary"
            busy={save.isPending}
            disabled={!form.shortcut.trim() || !form.text.trim()}
            onClick={() => save.mutate()}
          >
            {t('common.save')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('settings.shortcut')}
        value={form.shortcut}
        onChange={event => setForm({ ...form, shortcut: event.target.value })}
      />
      <TextArea
        label={t('campaigns.text')}
        dir="auto"
        value={form.text}
        maxLength={4096}
        onChange={event => setForm({ ...form, text: event.target.value })}
      />
      <TextField
        label={t('common.language')}
        dir="ltr"
        value={form.language}
        onChange={event => setForm({ ...form, language: event.target.value })}
      />
      <Fault fault={save.error ?? remove.error} />
    </Dialog>
  );
}
