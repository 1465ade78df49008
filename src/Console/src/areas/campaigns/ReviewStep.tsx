import { useState } from 'react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { api, call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Contact, Forecast, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Card, Facts, Fault, Loading, Stat } from '../../kit/Page';
import { isPositive } from '../../lib/money';
import { parametersOf, readComponents } from '../../lib/template';
import { instantIn } from '../../lib/time';
import { TemplatePreview } from '../templates/TemplatePreview';
import { AudienceText } from './AudienceText';
import type { CampaignDraft } from './draft';
import { segmentOf } from './draft';
import { RECIPIENT } from './options';
import { previewValues } from './MessageStep';

export function ReviewStep({ draft, id, template }: { draft: CampaignDraft; id: string; template: Template | null }) {
  const { t, time, word } = useI18n();
  const components = template ? readComponents(template.components) : null;
  const own = draft.when === 'later' && draft.zone === RECIPIENT;
  const at = draft.when === 'later' && !own ? instantIn(draft.scheduledAt, draft.zone) : null;
  return (
    <div className="columns-side">
      <div className="stack">
        <Estimate id={id} />
        <Card title={t('campaigns.step_review')}>
          <Facts
            facts={[
              [t('common.name'), <bdi key="n">{draft.name}</bdi>],
              [t('campaigns.audience'), <AudienceText key="a" segment={segmentOf(draft)} />],
              [
                t('campaigns.when'),
                at
                  ? `${time(at)} (${draft.zone} ${draft.scheduledAt.replace('T', ' ')})`
                  : own
                    ? `${draft.scheduledAt.replace('T', ' ')} · ${t('campaigns.zone_recipient')}`
                    : t(`campaigns.when_${draft.when}`),
              ],
              [t('campaigns.on_limit'), t(draft.onLimit === 'skip' ? 'campaigns.limit_skip' : 'campaigns.limit_wait')],
            ]}
          />
        </Card>
        <TestSend id={id} />
      </div>
      <Card title={t('templates.preview')}>
        {components && template && (
          <TemplatePreview
            components={components}
            language={template.language}
            values={previewValues(parametersOf(components), draft.bindings, field => word('field', field))}
          />
        )}
      </Card>
    </div>
  );
}

/** Whom it would reach, what it would cost, and who would be skipped and why. */
function Estimate({ id }: { id: string }) {
  const { t, number, money, duration, word } = useI18n();
  const estimate = useQuery<Forecast>({
    queryKey: ['/v1/campaigns/{id}/estimate', id],
    queryFn: ({ signal }) => api.post('/v1/campaigns/{id}/estimate', null, { path: { id }, signal }),
    staleTime: 0,
    retry: false,
  });
  if (estimate.error) {
    return <Fault fault={estimate.error} retry={() => void estimate.refetch()} />;
  }
  if (!estimate.data) {
    return <Loading />;
  }
  const e = estimate.data;
  const counts = (record: unknown) => Object.entries((record ?? {}) as Record<string, number>).filter(([, count]) => count > 0);
  const skipped = counts(e.skipped);
  const waiting = counts(e.waiting);
  return (
    <>
      <div className="stats">
        <Stat label={t('campaigns.will_reach')} value={number(e.recipients)} />
        <Stat
          label={t('campaigns.will_cost')}
          value={e.cost === null ? '–' : money(e.cost, e.currency)}
          hint={e.available_budget !== null && t('campaigns.available', { amount: money(e.available_budget, e.currency) })}
        />
        <Stat label={t('campaigns.will_take')} value={duration(e.duration_seconds)} />
      </div>
      {e.missing && isPositive(e.missing) && (
        <div className="notice notice-bad" role="alert">
          {t('campaigns.missing', { amount: money(e.missing, e.currency) })}
        </div>
      )}
      {!!e.without_price?.length && (
        <div className="notice notice-warn">{t('campaigns.without_price', { list: e.without_price.join(', ') })}</div>
      )}
      {(skipped.length > 0 || waiting.length > 0) && (
        <Card title={t('campaigns.not_at_once')}>
          <Facts
            facts={[
              ...skipped.map(([reason, count]) => [`${t('status.skipped')}: ${word('reason', reason)}`, number(count)] as const),
              ...waiting.map(([reason, count]) => [word('status', reason), number(count)] as const),
            ]}
          />
        </Card>
      )}
    </>
  );
}

interface TestResult {
  data?: { contact_id: string; message_id: string | null; code: string | null; detail: string | null }[];
}

/** The message as one contact would get it, sent to them now. */
function TestSend({ id }: { id: string }) {
  const { t } = useI18n();
  const [q, setQ] = useState('');
  const [contactId, setContactId] = useState('');
  const found = useList<Contact>('/v1/contacts', { query: { q, limit: 20 } }, { enabled: q.trim().length > 1 });
  const test = useMutation({
    mutationFn: () => call<TestResult>('POST', '/v1/campaigns/{id}/test', { contact_ids: [contactId] }, { path: { id } }),
  });
  const refused = test.data?.data?.find(one => one.code);
  return (
    <Card title={t('campaigns.test')}>
      <p className="muted">{t('campaigns.test_lead')}</p>
      <div className="form-grid">
        <TextField label={t('contacts.search')} type="search" value={q} onChange={event => setQ(event.target.value)} />
        <Select
          label={t('campaigns.contact')}
          value={contactId}
          onChange={event => setContactId(event.target.value)}
          choices={[
            { value: '', label: t('common.choose') },
            ...found.rows.map(row => ({
              value: row.id,
              label: [row.first_name, row.last_name, row.phone_number].filter(Boolean).join(' '),
            })),
          ]}
        />
      </div>
      <div className="row">
        <Button disabled={!contactId} busy={test.isPending} onClick={() => test.mutate()}>
          {t('campaigns.test_send')}
        </Button>
        {test.isSuccess && !refused && (
          <span className="good" role="status">
            {t('campaigns.test_sent')}
          </span>
        )}
        {refused && (
          <span className="bad" role="alert">
            {refused.detail ?? refused.code}
          </span>
        )}
      </div>
      <Fault fault={test.error} />
    </Card>
  );
}
