import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { moreOf, Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { OperationsNav } from './OperationsArea';

/** Webhooks that could not be carried out, and those that had no effect. */
export function SetAsidePage() {
  const { t, time, number } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const list = useList<Schema<'SetAsideWebhook'>>(
    '/v1/incoming-webhooks/set-aside',
    { query: { limit: 100 } },
    { refreshMs: 15_000 },
  );
  const notes = useList<Schema<'WebhookNote'>>('/v1/incoming-webhooks/notes', { query: { limit: 50 } });
  const retry = useMutation({
    mutationFn: (id: number | null) =>
      call('POST', id === null ? '/v1/incoming-webhooks/set-aside/retry' : `/v1/incoming-webhooks/set-aside/${id}/retry`),
    onSuccess: () => say(t('common.done')),
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/incoming-webhooks/set-aside'] }),
  });
  return (
    <Page
      title={t('ops.set_aside')}
      lead={t('ops.set_aside_lead')}
      actions={
        list.rows.length > 0 && (
          <Button busy={retry.isPending} onClick={() => retry.mutate(null)}>
            {t('ops.retry_all')}
          </Button>
        )
      }
    >
      <OperationsNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('ops.set_aside')}
          keyOf={row => String(row.id)}
          empty={<EmptyState title={t('ops.nothing_aside')} />}
          columns={[
            { key: 'at', head: t('common.time'), cell: row => <span className="nowrap">{time(row.received_at)}</span> },
            { key: 'field', head: t('audience.field'), cell: row => <code>{row.field}</code> },
            {
              key: 'reason',
              head: t('campaigns.reason'),
              cell: row => (
                <>
                  <span>{row.reason}</span>
                  {row.error && <div className="small bad wrap-any">{row.error}</div>}
                </>
              ),
            },
            { key: 'attempts', head: t('campaigns.attempts'), end: true, cell: row => number(row.attempts) },
            { key: 'next', head: t('webhooks.next_attempt'), end: true, wide: true, cell: row => time(row.next_at) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <Button small onClick={() => retry.mutate(row.id)}>
                  {t('ops.retry')}
                </Button>
              ),
            },
          ]}
        />
      </Card>
      <Card flush title={t('ops.notes')}>
        <Table
          caption={t('ops.notes')}
          rows={notes.rows}
          keyOf={row => String(row.id)}
          more={moreOf(notes)}
          empty={<EmptyState title={t('common.none')} />}
          columns={[
            { key: 'at', head: t('common.time'), cell: row => <span className="nowrap">{time(row.noted_at)}</span> },
            { key: 'field', head: t('audience.field'), cell: row => <code>{row.field ?? '–'}</code> },
            {
              key: 'reason',
              head: t('campaigns.reason'),
              cell: row => (
                <>
                  {row.reason} <span className="muted wrap-any">{row.detail}</span>
                </>
              ),
            },
          ]}
        />
      </Card>
    </Page>
  );
}
