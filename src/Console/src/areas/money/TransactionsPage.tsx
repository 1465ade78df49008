import { useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { useList } from '../../api/hooks';
import type { Transaction } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Loading, Page } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { moreOf, Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';
import { isNegative } from '../../lib/money';
import { MoneyNav } from './MoneyArea';
import { signed } from './links';

const TYPES = ['credit', 'debit', 'refund'];
const PASSED = ['kind', 'pricing_category', 'market', 'account_id', 'effective_month', 'reference_id'];

export function TransactionsPage() {
  const { t, word } = useI18n();
  const { fail } = useToasts();
  const [params] = useSearchParams();
  const [type, setType] = useState('');
  const [from, setFrom] = useState(params.get('from')?.slice(0, 10) ?? '');
  const [to, setTo] = useState(params.get('to')?.slice(0, 10) ?? '');
  const passed = Object.fromEntries(PASSED.map(name => [name, params.get(name)]));
  const at = (day: string) => (day ? `${day}T00:00:00Z` : null);
  const list = useList<Transaction>('/v1/transactions', {
    query: { ...passed, type, from: at(from), to: at(to), order: 'newest', limit: 100 },
  });
  const get = (format: string, accept: string) =>
    download('/v1/transactions/export', `transactions.${format}`, accept, {
      query: { format, from: at(from), to: at(to) },
    }).catch(fail);
  return (
    <Page
      title={t('money.transactions')}
      actions={
        <>
          <Button onClick={() => void get('csv', 'text/csv')}>{t('common.export_csv')}</Button>
          <Button onClick={() => void get('jsonl', 'application/jsonl')}>JSON Lines</Button>
        </>
      }
    >
      <MoneyNav />
      <div className="filters">
        <Select
          label={t('common.type')}
          value={type}
          onChange={event => setType(event.target.value)}
          choices={[{ value: '', label: t('common.all') }, ...TYPES.map(value => ({ value, label: word('transaction', value) }))]}
        />
        <TextField label={t('common.from')} type="date" value={from} onChange={event => setFrom(event.target.value)} />
        <TextField label={t('common.to')} type="date" value={to} onChange={event => setTo(event.target.value)} />
      </div>
      <Card flush>
        {list.isPending ? (
          <Loading />
        ) : list.error ? (
          <Fault fault={list.error} retry={() => void list.refetch()} />
        ) : (
          <TransactionTable rows={list.rows} more={moreOf(list)} />
        )}
      </Card>
    </Page>
  );
}

export function TransactionTable({ rows, more }: { rows: readonly Transaction[]; more?: ReturnType<typeof moreOf> }) {
  const { t, money, time, word } = useI18n();
  const navigate = useNavigate();
  return (
    <Table
      caption={t('money.transactions')}
      rows={rows}
      keyOf={row => row.id}
      more={more}
      onRow={row => void navigate(`/money/transactions/${row.id}`)}
      empty={<EmptyState title={t('money.no_transactions')} />}
      columns={[
        {
          key: 'at',
          head: t('common.time'),
          cell: row => (
            <Link to={`/money/transactions/${row.id}`} className="nowrap">
              {time(row.created_at)}
            </Link>
          ),
        },
        { key: 'type', head: t('common.type'), cell: row => <Badge>{word('transaction', row.type)}</Badge> },
        { key: 'category', head: t('money.category'), wide: true, cell: row => word('transaction', row.category) },
        {
          key: 'text',
          head: t('common.description'),
          wide: true,
          cell: row => <Own text={row.description ?? row.reference_id ?? '–'} />,
        },
        {
          key: 'amount',
          head: t('money.amount'),
          end: true,
          cell: row => (
            <span className={isNegative(signed(row)) ? 'nowrap' : 'nowrap good'}>{money(signed(row), row.currency)}</span>
          ),
        },
        {
          key: 'after',
          head: t('money.after'),
          end: true,
          cell: row => <span className="nowrap">{money(row.balance_after, row.currency)}</span>,
        },
      ]}
    />
  );
}
