import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from 'react-router';
import { call } from '../../api/client';
import { Problem } from '../../api/problem';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Card, EmptyState, Facts, Fault, Loading, Page, Stat } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';
import { MoneyNav } from './MoneyArea';
import { entriesPath } from './links';

interface Line {
  kind: string;
  category: string | null;
  market: string | null;
  number: string | null;
  effective_month: string;
  late: boolean;
  count: number;
  amount: string;
  entries: string;
}

interface Statement {
  organization_name: string;
  currency: string;
  month: string;
  status: string;
  opening: string;
  closing: string;
  held: string;
  totals: { top_ups: string; subscription: string; usage: string; refunds: string; adjustments: string };
  lines: Line[];
  head: { root: string; at: string; key_id: string } | null;
}

export function StatementsPage() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const { fail } = useToasts();
  const { month = new Date().toISOString().slice(0, 7) } = useParams();
  const read = useQuery<Statement, Problem>({
    queryKey: ['/v1/statements/{month}', month],
    queryFn: ({ signal }) => call<Statement>('GET', '/v1/statements/{month}', null, { path: { month }, signal }),
    retry: false,
  });
  const none = read.error?.code === 'statement.unknown' || read.error?.code === 'wallet.unknown';
  return (
    <Page
      title={t('money.statement')}
      actions={
        read.data && (
          <>
            <Button
              onClick={() =>
                download('/v1/statements/{month}', `statement-${month}.csv`, 'text/csv', { path: { month } }).catch(fail)
              }
            >
              {t('common.export_csv')}
            </Button>
            <Button look="primary" onClick={() => window.print()}>
              {t('common.print')}
            </Button>
          </>
        )
      }
    >
      <MoneyNav />
      <div className="filters no-print">
        <TextField
          label={t('money.month')}
          type="month"
          value={month}
          onChange={event => event.target.value && void navigate(`/money/statements/${event.target.value}`)}
        />
      </div>
      {none ? (
        <EmptyState title={t('money.no_statement')} />
      ) : read.error ? (
        <Fault fault={read.error} retry={() => void read.refetch()} />
      ) : read.data ? (
        <Shown statement={read.data} />
      ) : (
        <Loading />
      )}
    </Page>
  );
}

function Shown({ statement: s }: { statement: Statement }) {
  const { t, money, number, word, time } = useI18n();
  const m = (amount: string) => money(amount, s.currency);
  return (
    <>
      <Card
        title={
          <>
            <Own text={s.organization_name} /> · {s.month}
          </>
        }
        actions={<Badge tone={s.status === 'closed' ? 'good' : 'info'}>{t(`money.statement_${s.status}`)}</Badge>}
      >
        <div className="stats">
          <Stat label={t('money.opening')} value={m(s.opening)} />
          <Stat label={t('money.closing')} value={m(s.closing)} />
          <Stat label={t('money.held')} value={m(s.held)} />
        </div>
        <Facts
          facts={[
            [t('money.top_ups'), m(s.totals.top_ups)],
            [t('money.subscription'), m(s.totals.subscription)],
            [t('money.usage'), m(s.totals.usage)],
            [t('money.refunds'), m(s.totals.refunds)],
            [t('money.adjustments'), m(s.totals.adjustments)],
          ]}
        />
      </Card>
      <Card flush title={t('money.lines')}>
        <Table
          caption={t('money.lines')}
          rows={s.lines}
          keyOf={(_, i) => String(i)}
          empty={<EmptyState title={t('money.no_transactions')} />}
          columns={[
            {
              key: 'kind',
              head: t('common.type'),
              cell: row => (
                <>
                  {word('transaction', row.kind)} {row.late && <Badge tone="warn">{row.effective_month}</Badge>}
                </>
              ),
            },
            { key: 'category', head: t('money.category'), cell: row => word('category', row.category?.toUpperCase()) },
            { key: 'market', head: t('money.market'), cell: row => row.market ?? '–' },
            { key: 'number', head: t('campaigns.account'), wide: true, cell: row => <Own text={row.number ?? '–'} /> },
            { key: 'count', head: t('money.count'), end: true, cell: row => number(row.count) },
            {
              key: 'amount',
              head: t('money.amount'),
              end: true,
              cell: row => <Link to={entriesPath(row.entries)}>{m(row.amount)}</Link>,
            },
          ]}
        />
      </Card>
      {s.head && (
        <Card title={t('money.proof')}>
          <Facts
            facts={[
              [
                t('money.root'),
                <code key="r" className="wrap-any">
                  {s.head.root}
                </code>,
              ],
              [t('money.signed'), `${time(s.head.at)} · ${s.head.key_id}`],
            ]}
          />
        </Card>
      )}
    </>
  );
}
