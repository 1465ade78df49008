import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Account, Template } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { useToasts } from '../../kit/Toast';

const STATUSES = ['DRAFT', 'PENDING', 'APPROVED', 'REJECTED', 'PAUSED'];

export function TemplatesPage() {
  const { t, word, brief, number } = useI18n();
  const { can } = useSession();
  const { say, fail } = useToasts();
  const navigate = useNavigate();
  const [account, setAccount] = useState('');
  const [status, setStatus] = useState('');
  const [name, setName] = useState('');
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const list = useList<Template>('/v1/templates', { query: { account_id: account, status, name: name.trim(), limit: 100 } });
  const sync = useMutation({
    mutationFn: () => api.post('/v1/templates/sync', { account_id: account }),
    onSuccess: async done => {
      say(t('templates.synced', { imported: number(done.imported), changed: number(done.changed) }));
      await list.refetch();
    },
    onError: fail,
  });
  return (
    <Page
      title={t('nav.templates')}
      lead={t('templates.lead')}
      actions={
        can('manager') && (
          <>
            <Button
              disabled={!account}
              title={account ? undefined : t('templates.sync_hint')}
              busy={sync.isPending}
              onClick={() => sync.mutate()}
            >
              {t('templates.sync')}
            </Button>
            <Link className="button button-primary" to="/templates/new">
              {t('templates.new')}
            </Link>
          </>
        )
      }
    >
      <div className="filters">
        <Select
          label={t('campaigns.account')}
          value={account}
          onChange={event => setAccount(event.target.value)}
          choices={[
            { value: '', label: t('common.all') },
            ...accounts.rows.map(row => ({ value: row.id, label: `${row.display_name} · ${row.phone_number}` })),
          ]}
        />
        <Select
          label={t('common.status')}
          value={status}
          onChange={event => setStatus(event.target.value)}
          choices={[{ value: '', label: t('common.all') }, ...STATUSES.map(value => ({ value, label: word('status', value) }))]}
        />
        <TextField label={t('common.name')} value={name} onChange={event => setName(event.target.value)} />
      </div>
      <Card flush>
        <ListTable
          list={list}
          caption={t('nav.templates')}
          keyOf={row => row.id}
          onRow={row => void navigate(`/templates/${row.id}`)}
          empty={<EmptyState title={t('templates.none')}>{t('templates.none_text')}</EmptyState>}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <Link className="strong" to={`/templates/${row.id}`}>
                  <bdi dir="ltr">{row.name}</bdi>
                </Link>
              ),
            },
            { key: 'language', head: t('common.language'), cell: row => <code>{row.language}</code> },
            { key: 'category', head: t('templates.category'), cell: row => word('category', row.category) },
            {
              key: 'status',
              head: t('common.status'),
              cell: row => (
                <Badge dot tone={toneOf(row.status)}>
                  {word('status', row.status)}
                </Badge>
              ),
            },
            { key: 'quality', head: t('templates.quality'), wide: true, cell: row => word('quality', row.quality) },
            { key: 'at', head: t('common.updated'), end: true, wide: true, cell: row => brief(row.updated_at) },
          ]}
        />
      </Card>
    </Page>
  );
}
