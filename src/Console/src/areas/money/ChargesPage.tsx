import { useState } from 'react';
import { Link } from 'react-router';
import { useList } from '../../api/hooks';
import type { Charge, Transaction } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Select } from '../../kit/Field';
import { Card, EmptyState, Facts, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Id } from '../../kit/Phone';
import { MoneyNav } from './MoneyArea';
import { MessageTrace } from './TransactionPage';

const OUTCOMES = ['pending'];

export function ChargesPage() {
  const { t, money, time, word } = useI18n();
  const [outcome, setOutcome] = useState('');
  const [traced, setTraced] = useState<Charge | null>(null);
  const list = useList<Charge>('/v1/charges', { query: { outcome, order: 'newest', limit: 100 } });
  return (
    <Page title={t('money.charges')} lead={t('money.charges_lead')}>
      <MoneyNav />
      <div className="filters">
        <Select
          label={t('money.outcome')}
          value={outcome}
          onChange={event => setOutcome(event.target.value)}
          choices={[{ value: '', label: t('common.all') }, ...OUTCOMES.map(value => ({ value, label: word('charge', value) }))]}
        />
      </div>
      <Card flush>
        <ListTable
          list={list}
          caption={t('money.charges')}
          keyOf={row => `${row.message_id}${row.participant ?? ''}`}
          empty={<EmptyState title={t('money.no_charges')} />}
          columns={[
            { key: 'at', head: t('status.delivered'), cell: row => <span className="nowrap">{time(row.delivered_at)}</span> },
            {
              key: 'outcome',
              head: t('money.outcome'),
              cell: row => <Badge tone={row.outcome === 'pending' ? 'warn' : 'neutral'}>{word('charge', row.outcome)}</Badge>,
            },
            { key: 'category', head: t('money.category'), cell: row => word('category', row.category?.toUpperCase()) },
            { key: 'market', head: t('money.market'), wide: true, cell: row => row.market ?? '–' },
            { key: 'message', head: t('campaigns.message'), wide: true, cell: row => <Id id={row.message_id} /> },
            {
              key: 'amount',
              head: t('money.amount'),
              end: true,
              cell: row => <span className="nowrap">{money(row.amount, row.currency)}</span>,
            },
            {
              key: 'trace',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <Button small onClick={() => setTraced(row)}>
                  {t('money.trace')}
                </Button>
              ),
            },
          ]}
        />
      </Card>
      {traced && <Trace charge={traced} onClose={() => setTraced(null)} />}
    </Page>
  );
}

function Trace({ charge, onClose }: { charge: Charge; onClose: () => void }) {
  const { t, money, time, word } = useI18n();
  const entries = useList<Transaction>(
    '/v1/transactions',
    { query: { reference_id: charge.reference, limit: 10 } },
    { enabled: !!charge.reference },
  );
  return (
    <Dialog title={t('money.trace_title')} wide onClose={onClose}>
      <Facts
        facts={[
          [t('money.amount'), money(charge.amount, charge.currency)],
          [t('money.outcome'), word('charge', charge.outcome)],
          charge.reason ? [t('campaigns.reason'), charge.reason] : null,
          [t('money.pricing'), [charge.pricing_type, charge.market, charge.card].filter(Boolean).join(' · ') || '–'],
          [t('money.evidence'), word('evidence', charge.evidence)],
          [t('status.delivered'), time(charge.delivered_at)],
          charge.campaign_id
            ? [
                t('money.a_campaign'),
                <Link key="c" to={`/campaigns/${charge.campaign_id}`}>
                  {charge.campaign_id}
                </Link>,
              ]
            : null,
          ...entries.rows.map(
            row =>
              [
                t('money.transaction'),
                <Link key={row.id} to={`/money/transactions/${row.id}`}>
                  {money(row.amount, row.currency)} · {time(row.created_at)}
                </Link>,
              ] as const,
          ),
        ]}
      />
      <MessageTrace id={charge.message_id} />
    </Dialog>
  );
}
