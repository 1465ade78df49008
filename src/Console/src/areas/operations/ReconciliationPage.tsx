import { useState } from 'react';
import { useList } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Card, EmptyState, Facts, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Table } from '../../kit/Table';
import { OperationsNav } from './OperationsArea';

type View = Schema<'ReconciliationView'>;

/** Whether every store says the same as the log; kept for each organization. */
export function ReconciliationPage() {
  const { t, time, word } = useI18n();
  const { organization } = useSession();
  const [shown, setShown] = useState<View | null>(null);
  const list = useList<View>('/v1/reconciliations', { query: { limit: 50 } }, { enabled: !!organization });
  return (
    <Page title={t('ops.reconciliation')} lead={t('ops.reconciliation_lead')}>
      <OperationsNav />
      {!organization ? (
        <EmptyState title={t('organization.choose_first')} />
      ) : (
        <Card flush>
          <ListTable
            list={list}
            caption={t('ops.reconciliation')}
            keyOf={row => row.id}
            onRow={setShown}
            empty={<EmptyState title={t('common.none')} />}
            columns={[
              { key: 'at', head: t('common.time'), cell: row => time(row.started_at) },
              {
                key: 'status',
                head: t('common.status'),
                cell: row => (
                  <Badge dot tone={toneOf(row.status)}>
                    {word('status', row.status)}
                  </Badge>
                ),
              },
              { key: 'scope', head: t('ops.scope'), cell: row => row.scope },
              {
                key: 'first',
                head: t('money.first_fault'),
                wide: true,
                cell: row => row.first && <code>{row.first.code}</code>,
              },
              {
                key: 'x',
                head: t('common.actions'),
                end: true,
                cell: row => (
                  <Button small onClick={() => setShown(row)}>
                    {t('common.details')}
                  </Button>
                ),
              },
            ]}
          />
        </Card>
      )}
      {shown && <Details view={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function Details({ view, onClose }: { view: View; onClose: () => void }) {
  const { t, number, word } = useI18n();
  return (
    <Dialog title={t('ops.reconciliation')} wide onClose={onClose}>
      {view.first && (
        <div className="notice notice-bad">
          <Facts
            facts={[
              [t('money.first_fault'), <code key="c">{view.first.code}</code>],
              [t('common.details'), view.first.detail],
              [t('ops.store'), `${view.first.store} · ${view.first.view}`],
            ]}
          />
        </div>
      )}
      <Table
        caption={t('ops.reconciliation')}
        rows={view.rows}
        keyOf={(_, i) => String(i)}
        columns={[
          { key: 'store', head: t('ops.store'), cell: row => row.store },
          { key: 'view', head: t('ops.view'), cell: row => <code>{row.view}</code> },
          { key: 'expected', head: t('ops.expected'), end: true, cell: row => number(row.expected) },
          { key: 'found', head: t('ops.found'), end: true, cell: row => number(row.found) },
          {
            key: 'status',
            head: t('common.status'),
            end: true,
            cell: row => <Badge tone={toneOf(row.status)}>{word('status', row.status)}</Badge>,
          },
        ]}
      />
    </Dialog>
  );
}
