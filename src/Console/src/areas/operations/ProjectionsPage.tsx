import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Projection } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { Card, Page, Stat } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { useToasts } from '../../kit/Toast';
import { OperationsNav } from './OperationsArea';

type Verb = 'rebuild' | 'pause' | 'resume' | 'cancel' | 'retry';

function verbsOf(row: Projection): Verb[] {
  if (row.rebuild && row.rebuild.state !== 'completed' && row.rebuild.state !== 'failed') {
    return ['cancel'];
  }
  return [
    ...(row.state === 'paused' ? ['resume' as const] : ['pause' as const]),
    ...(row.parked > 0 || row.error ? ['retry' as const] : []),
    'rebuild',
  ];
}

export function ProjectionsPage() {
  const { t, number, ago, word, duration } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Projection | null>(null);
  const list = useList<Projection>('/v1/projections', { query: { limit: 200 } }, { refreshMs: 2000 });
  const act = useMutation({
    mutationFn: ({ name, verb }: { name: string; verb: Verb }) =>
      call('POST', `/v1/projections/{name}/${verb}`, null, { path: { name } }),
    onSuccess: () => {
      setAsked(null);
      say(t('common.done'));
    },
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/projections'] }),
  });
  const lag = list.rows.reduce((worst, row) => Math.max(worst, row.lag), 0);
  const parked = list.rows.reduce((sum, row) => sum + row.parked, 0);
  return (
    <Page title={t('ops.projections')} lead={t('ops.projections_lead')}>
      <OperationsNav />
      <div className="stats">
        <Stat label={t('ops.worst_lag')} value={number(lag)} tone={lag > 1000 ? 'warn' : undefined} />
        <Stat label={t('ops.parked')} value={number(parked)} tone={parked > 0 ? 'bad' : undefined} />
        <Stat label={t('ops.views')} value={number(list.rows.length)} />
      </div>
      <Card flush>
        <ListTable
          list={list}
          caption={t('ops.projections')}
          keyOf={row => `${row.name}/${row.shard}`}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <code>{row.name}</code> <span className="muted small">{row.shard}</span>
                  {row.error && <div className="bad small wrap-any">{row.error}</div>}
                </>
              ),
            },
            {
              key: 'state',
              head: t('common.status'),
              cell: row => (
                <Badge dot tone={toneOf(row.rebuild ? 'rebuilding' : row.state)}>
                  {word('status', row.state)}
                </Badge>
              ),
            },
            { key: 'lag', head: t('ops.lag'), end: true, cell: row => number(row.lag) },
            { key: 'rate', head: t('ops.rate'), end: true, wide: true, cell: row => number(Math.round(row.events_per_second)) },
            {
              key: 'rebuild',
              head: t('ops.rebuild'),
              wide: true,
              cell: row => (row.rebuild ? <Rebuild row={row} eta={duration(row.rebuild.eta_seconds)} /> : '–'),
            },
            { key: 'at', head: t('common.updated'), end: true, wide: true, cell: row => ago(row.updated_at) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <div className="row">
                  {verbsOf(row).map(verb => (
                    <Button
                      key={verb}
                      small
                      onClick={() => (verb === 'rebuild' ? setAsked(row) : act.mutate({ name: row.name, verb }))}
                    >
                      {t(`ops.${verb}`)}
                    </Button>
                  ))}
                </div>
              ),
            },
          ]}
        />
      </Card>
      {asked && (
        <Confirm
          title={t('ops.rebuild')}
          text={t('ops.ask_rebuild', { name: asked.name })}
          action={t('ops.rebuild')}
          busy={act.isPending}
          onConfirm={() => act.mutate({ name: asked.name, verb: 'rebuild' })}
          onClose={() => setAsked(null)}
        />
      )}
    </Page>
  );
}

function Rebuild({ row, eta }: { row: Projection; eta: string }) {
  const percent = Math.round(row.rebuild?.percent ?? 0);
  return (
    <div className="stack-small">
      <div className="bar" role="progressbar" aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100} aria-label={row.name}>
        <div className="bar-part" style={{ inlineSize: `${percent}%` }} />
      </div>
      <span className="small muted">
        {percent} % · {eta}
      </span>
    </div>
  );
}
