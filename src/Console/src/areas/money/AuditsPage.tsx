import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { call } from '../../api/client';
import { useGet, useMaybe } from '../../api/hooks';
import type { LedgerAudit, Page as Paged } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { TextField } from '../../kit/Field';
import { Await, Card, EmptyState, Facts, Fault, Page } from '../../kit/Page';
import { Table } from '../../kit/Table';
import { MoneyNav } from './MoneyArea';

const STORED = 'bsp.audits';

/** Audits that were begun here, for servers that do not list them. */
function known(): string[] {
  try {
    const ids: unknown = JSON.parse(sessionStorage.getItem(STORED) ?? '[]');
    return Array.isArray(ids) ? ids.filter(id => typeof id === 'string').slice(0, 10) : [];
  } catch {
    return [];
  }
}

export function AuditsPage() {
  const { t, time, number, word } = useI18n();
  const { id } = useParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const list = useMaybe<Paged<LedgerAudit>>('/v1/ledger/audits', { query: { limit: 50 } }, { refreshMs: 10_000 });
  const start = useMutation({
    mutationFn: () => call<LedgerAudit>('POST', '/v1/ledger/audits', { from: from || null, to: to || null }),
    onSuccess: async audit => {
      sessionStorage.setItem(STORED, JSON.stringify([audit.id, ...known()].slice(0, 10)));
      await client.invalidateQueries({ queryKey: ['/v1/ledger/audits'] });
      await navigate(`/money/audits/${audit.id}`);
    },
  });
  return (
    <Page title={t('money.audits')} lead={t('money.audits_lead')}>
      <MoneyNav />
      <Card title={t('money.new_audit')}>
        <div className="filters">
          <TextField label={t('money.from_month')} type="month" value={from} onChange={event => setFrom(event.target.value)} />
          <TextField label={t('money.to_month')} type="month" value={to} onChange={event => setTo(event.target.value)} />
          <Button look="primary" busy={start.isPending} onClick={() => start.mutate()}>
            {t('money.run_audit')}
          </Button>
        </div>
        <Fault fault={start.error} />
      </Card>
      {id && <Verdict key={id} id={id} />}
      {list.data ? (
        <Card flush title={t('money.earlier_audits')}>
          <Table
            caption={t('money.earlier_audits')}
            rows={list.data.data}
            keyOf={row => row.id}
            onRow={row => void navigate(`/money/audits/${row.id}`)}
            empty={<EmptyState title={t('common.none')} />}
            columns={[
              {
                key: 'at',
                head: t('common.time'),
                cell: row => <Link to={`/money/audits/${row.id}`}>{time(row.created_at)}</Link>,
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
              { key: 'entries', head: t('money.entries'), end: true, cell: row => number(row.entries) },
            ]}
          />
        </Card>
      ) : (
        known().length > 0 && (
          <Card title={t('money.earlier_audits')}>
            <ul className="plain stack-small">
              {known().map(one => (
                <li key={one}>
                  <Link to={`/money/audits/${one}`}>
                    <code>{one}</code>
                  </Link>
                </li>
              ))}
            </ul>
          </Card>
        )
      )}
    </Page>
  );
}

function Verdict({ id }: { id: string }) {
  const { t, number, time } = useI18n();
  const read = useGet('/v1/ledger/audits/{id}', { path: { id } }, { refreshMs: 2000 });
  return (
    <Await read={read}>
      {audit => (
        <Card title={t('money.verdict')}>
          <div
            role="status"
            className={
              audit.status === 'passed' ? 'notice notice-good' : audit.status === 'failed' ? 'notice notice-bad' : 'notice'
            }
          >
            <span className="strong">{t(`money.audit_${audit.status}`)}</span>
            {audit.error && <span>{audit.error}</span>}
          </div>
          {audit.first_fault && (
            <Facts
              facts={[
                [t('money.first_fault'), <code key="c">{audit.first_fault.code}</code>],
                [t('common.details'), audit.first_fault.detail],
                audit.first_fault.entry
                  ? [
                      t('money.transaction'),
                      <Link key="t" to={`/money/transactions/${audit.first_fault.entry}`}>
                        {audit.first_fault.entry}
                      </Link>,
                    ]
                  : null,
                audit.first_fault.month ? [t('money.month'), audit.first_fault.month] : null,
              ]}
            />
          )}
          <Facts
            facts={[
              [t('money.entries'), number(audit.entries)],
              [t('money.months'), number(audit.months)],
              [t('campaigns.started'), time(audit.created_at)],
              [t('campaigns.ended'), time(audit.completed_at)],
            ]}
          />
          <Table
            caption={t('money.checks')}
            rows={audit.checks}
            keyOf={row => row.name}
            columns={[
              {
                key: 'name',
                head: t('money.check'),
                cell: row => (
                  <>
                    <span>{row.name}</span>
                    {row.detail && <div className="muted small">{row.detail}</div>}
                  </>
                ),
              },
              { key: 'items', head: t('money.items'), end: true, cell: row => number(row.items) },
              {
                key: 'result',
                head: t('money.result'),
                end: true,
                cell: row => <Badge tone={toneOf(row.result)}>{row.result}</Badge>,
              },
            ]}
          />
        </Card>
      )}
    </Await>
  );
}
