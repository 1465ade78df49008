import { useState } from 'react';
import { useList } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { TextField } from '../../kit/Field';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Id } from '../../kit/Phone';
import { TeamNav } from './TeamArea';

export function TrailPage() {
  const { t, time } = useI18n();
  const [actor, setActor] = useState('');
  const [type, setType] = useState('');
  const list = useList<Schema<'AuditEntry'>>('/v1/audit-trail', {
    query: { actor: actor.trim(), type: type.trim(), limit: 100 },
  });
  return (
    <Page title={t('team.trail')} lead={t('team.trail_lead')}>
      <TeamNav />
      <div className="filters">
        <TextField label={t('team.actor')} value={actor} dir="ltr" onChange={event => setActor(event.target.value)} />
        <TextField label={t('common.type')} value={type} dir="ltr" onChange={event => setType(event.target.value)} />
      </div>
      <Card flush>
        <ListTable
          list={list}
          caption={t('team.trail')}
          keyOf={row => row.id}
          empty={<EmptyState title={t('common.none')} />}
          columns={[
            { key: 'at', head: t('common.time'), cell: row => <span className="nowrap">{time(row.at)}</span> },
            { key: 'actor', head: t('team.actor'), cell: row => <bdi>{row.actor}</bdi> },
            { key: 'type', head: t('common.type'), cell: row => <code>{row.type}</code> },
            {
              key: 'target',
              head: t('team.target'),
              wide: true,
              cell: row => (
                <>
                  {row.target_type} <Id id={row.target_id} />
                </>
              ),
            },
            { key: 'changed', head: t('team.changed'), wide: true, cell: row => row.changed.join(', ') },
            {
              key: 'address',
              head: t('team.address'),
              end: true,
              wide: true,
              cell: row => <bdi dir="ltr">{row.address ?? '–'}</bdi>,
            },
          ]}
        />
      </Card>
    </Page>
  );
}
