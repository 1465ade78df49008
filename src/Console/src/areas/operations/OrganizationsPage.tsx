import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Organization } from '../../api/types';
import { useSessions } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm, Dialog } from '../../kit/Dialog';
import { TextField } from '../../kit/Field';
import { Card, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own } from '../../kit/Phone';
import { OperationsNav } from './OperationsArea';

export function OrganizationsPage() {
  const { t, word, time } = useI18n();
  const { choose } = useSessions();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<{ row: Organization; verb: 'suspend' | 'activate' } | null>(null);
  const list = useList<Organization>('/v1/organizations', { query: { limit: 200 } });
  const refresh = () => client.invalidateQueries({ queryKey: ['/v1/organizations'] });
  const act = useMutation({
    mutationFn: (what: { row: Organization; verb: 'suspend' | 'activate' }) =>
      call('POST', `/v1/organizations/{id}/${what.verb}`, null, { path: { id: what.row.id } }),
    onSuccess: () => setAsked(null),
    onSettled: refresh,
  });
  return (
    <Page
      title={t('ops.organizations')}
      actions={
        <Button look="primary" onClick={() => setAdding(true)}>
          {t('ops.new_organization')}
        </Button>
      }
    >
      <OperationsNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('ops.organizations')}
          keyOf={row => row.id}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <span className="strong">
                    <Own text={row.name} />
                  </span>
                  <div>
                    <code className="muted">{row.slug}</code>
                  </div>
                </>
              ),
            },
            {
              key: 'status',
              head: t('common.status'),
              cell: row => (
                <Badge dot tone={toneOf(row.status)}>
                  {word('status', row.status)}
                </Badge>
              ),
            },
            { key: 'at', head: t('common.created'), wide: true, end: true, cell: row => time(row.created_at) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <div className="row">
                  <Button
                    small
                    onClick={() => {
                      choose(row);
                      void navigate('/campaigns');
                    }}
                  >
                    {t('ops.look')}
                  </Button>
                  <Button small onClick={() => setAsked({ row, verb: row.status === 'active' ? 'suspend' : 'activate' })}>
                    {t(row.status === 'active' ? 'ops.suspend' : 'ops.activate')}
                  </Button>
                </div>
              ),
            },
          ]}
        />
      </Card>
      {asked && (
        <Confirm
          title={t(`ops.${asked.verb}`)}
          text={t(`ops.ask_${asked.verb}`, { name: asked.row.name })}
          action={t(`ops.${asked.verb}`)}
          danger={asked.verb === 'suspend'}
          busy={act.isPending}
          error={<Fault fault={act.error} />}
          onConfirm={() => act.mutate(asked)}
          onClose={() => setAsked(null)}
        />
      )}
      {adding && <AddOrganization onClose={() => setAdding(false)} onMade={() => void refresh()} />}
    </Page>
  );
}

function AddOrganization({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { t } = useI18n();
  const [name, setName] = useState('');
  const [slug, setSlug] = useState('');
  const save = useMutation({
    mutationFn: () => call('POST', '/v1/organizations', { name: name.trim(), slug: slug.trim() }),
    onSuccess: () => {
      onMade();
      onClose();
    },
  });
  return (
    <Dialog
      title={t('ops.new_organization')}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" busy={save.isPending} disabled={!name.trim() || !slug.trim()} onClick={() => save.mutate()}>
            {t('common.create')}
          </Button>
        </>
      }
    >
      <TextField label={t('common.name')} value={name} maxLength={255} onChange={event => setName(event.target.value)} />
      <TextField
        label={t('settings.slug')}
        dir="ltr"
        value={slug}
        maxLength={100}
        onChange={event => setSlug(event.target.value)}
      />
      <Fault fault={save.error} />
    </Dialog>
  );
}
