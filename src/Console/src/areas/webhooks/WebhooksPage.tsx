import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useList } from '../../api/hooks';
import type { Webhook } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { WebhookForm } from './WebhookForm';

export function WebhooksPage() {
  const { t, number, ago, word } = useI18n();
  const { can } = useSession();
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const list = useList<Webhook>('/v1/webhooks', { query: { limit: 100 } }, { refreshMs: 20_000 });
  return (
    <Page
      title={t('nav.webhooks')}
      lead={t('webhooks.lead')}
      actions={
        can('admin') && (
          <Button look="primary" onClick={() => setAdding(true)}>
            {t('webhooks.new')}
          </Button>
        )
      }
    >
      <Card flush>
        <ListTable
          list={list}
          caption={t('nav.webhooks')}
          keyOf={row => row.id}
          onRow={row => void navigate(`/webhooks/${row.id}`)}
          empty={<EmptyState title={t('webhooks.none')}>{t('webhooks.none_text')}</EmptyState>}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <Link className="strong" to={`/webhooks/${row.id}`}>
                    <bdi>{row.name}</bdi>
                  </Link>
                  <div className="muted small wrap-any" dir="ltr">
                    {row.url}
                  </div>
                </>
              ),
            },
            {
              key: 'status',
              head: t('common.status'),
              cell: row => (
                <Badge dot tone={toneOf(row.status_exact)}>
                  {word('status', row.status_exact)}
                </Badge>
              ),
            },
            {
              key: 'events',
              head: t('webhooks.events'),
              wide: true,
              cell: row => (
                <span className="chips">
                  {row.events.slice(0, 4).map(one => (
                    <code key={one} className="chip">
                      {one}
                    </code>
                  ))}
                  {row.events.length > 4 && `+${number(row.events.length - 4)}`}
                </span>
              ),
            },
            {
              key: 'delivered',
              head: t('webhooks.delivered'),
              end: true,
              wide: true,
              cell: row => number(row.metrics.delivered),
            },
            {
              key: 'failed',
              head: t('webhooks.failed'),
              end: true,
              cell: row => <span className={row.metrics.failed > 0 ? 'bad' : undefined}>{number(row.metrics.failed)}</span>,
            },
            { key: 'last', head: t('webhooks.last'), end: true, cell: row => ago(row.last_triggered) },
          ]}
        />
      </Card>
      {adding && <WebhookForm onClose={() => setAdding(false)} onMade={id => void navigate(`/webhooks/${id}`)} />}
    </Page>
  );
}
