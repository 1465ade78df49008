import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { Card, EmptyState, Facts, Fault, Loading, Page } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { MoneyNav } from './MoneyArea';

type Subscription = Schema<'SubscriptionView'>;
type Plan = Schema<'PlanResponse'>;

export function SubscriptionPage() {
  const { t } = useI18n();
  const subscriptions = useList<Subscription>('/v1/subscriptions', { query: { limit: 50 } });
  const plans = useList<Plan>('/v1/plans', { query: { limit: 100 } });
  const current = subscriptions.rows.find(row => !row.ended_at) ?? null;
  return (
    <Page title={t('money.subscription')}>
      <MoneyNav />
      {subscriptions.isPending ? (
        <Loading />
      ) : subscriptions.error ? (
        <Fault fault={subscriptions.error} />
      ) : current ? (
        <Current subscription={current} />
      ) : (
        <EmptyState title={t('money.no_subscription')} />
      )}
      <Card title={t('money.plans')}>
        <Plans plans={plans.rows.filter(plan => plan.status.toLowerCase() === 'active')} current={current} />
      </Card>
    </Page>
  );
}

function Current({ subscription: s }: { subscription: Subscription }) {
  const { t, money, time, number, word } = useI18n();
  const { can } = useSession();
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const act = useMutation({
    mutationFn: (verb: string) =>
      call('POST', `/v1/subscriptions/{id}/${verb}`, verb === 'cancel' ? { at: 'period_end' } : null, { path: { id: s.id } }),
    onSuccess: () => setAsked(false),
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/subscriptions'] }),
  });
  return (
    <Card
      title={<Own text={s.plan.name} />}
      actions={
        <>
          <Badge dot tone={toneOf(s.status_exact)}>
            {word('status', s.status_exact.toLowerCase())}
          </Badge>
          {can('admin') &&
            (s.cancel_at ? (
              <Button small busy={act.isPending} onClick={() => act.mutate('revoke-cancellation')}>
                {t('money.keep')}
              </Button>
            ) : (
              <Button small onClick={() => setAsked(true)}>
                {t('money.cancel_subscription')}
              </Button>
            ))}
        </>
      }
    >
      <Facts
        facts={[
          [t('money.monthly'), money(s.plan.monthly_price, s.plan.currency)],
          [t('money.per_message'), money(s.plan.per_message_price, s.plan.currency)],
          [t('money.included'), number(s.plan.included_messages)],
          s.period ? [t('money.period'), `${time(s.period.from)} – ${time(s.period.until)}`] : null,
          s.owed && s.owed !== '0.000000'
            ? [
                t('money.owed'),
                <span key="o" className="bad">
                  {money(s.owed, s.plan.currency)}
                </span>,
              ]
            : null,
          s.next_attempt_at ? [t('money.next_attempt'), time(s.next_attempt_at)] : null,
          s.cancel_at ? [t('money.ends'), time(s.cancel_at)] : null,
          s.suspended_reason ? [t('campaigns.reason'), s.suspended_reason] : null,
        ]}
      />
      {asked && (
        <Confirm
          title={t('money.cancel_subscription')}
          text={t('money.cancel_text')}
          action={t('money.cancel_subscription')}
          danger
          busy={act.isPending}
          error={<Fault fault={act.error} />}
          onConfirm={() => act.mutate('cancel')}
          onClose={() => setAsked(false)}
        />
      )}
    </Card>
  );
}

function Plans({ plans, current }: { plans: readonly Plan[]; current: Subscription | null }) {
  const { t, money, number } = useI18n();
  const { can } = useSession();
  const client = useQueryClient();
  const take = useMutation({
    mutationFn: (plan: string) =>
      current
        ? call('POST', '/v1/subscriptions/{id}/change', { plan_id: plan }, { path: { id: current.id } })
        : call('POST', '/v1/subscriptions', { plan_id: plan, payment_method: null }),
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/subscriptions'] }),
  });
  return (
    <>
      <div className="stats">
        {plans.map(plan => (
          <div key={plan.id} className="stat stack-small">
            <div className="strong">
              <Own text={plan.name} />
            </div>
            <div className="stat-value">{money(plan.monthly_price, plan.currency)}</div>
            <div className="muted small">
              {t('money.plan_text', {
                included: number(plan.included_messages),
                price: money(plan.per_message_price, plan.currency),
              })}
            </div>
            {can('admin') &&
              (current?.plan_id === plan.id ? (
                <Badge tone="good">{t('money.current_plan')}</Badge>
              ) : (
                <Button small busy={take.isPending && take.variables === plan.id} onClick={() => take.mutate(plan.id)}>
                  {t('money.take_plan')}
                </Button>
              ))}
          </div>
        ))}
      </div>
      <Fault fault={take.error} />
    </>
  );
}
