import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Contact, ContactList } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Checkbox } from '../../kit/Field';
import { Card, EmptyState, Fault, Loading } from '../../kit/Page';
import { Own, Phone } from '../../kit/Phone';
import { filterOf } from '../../lib/filter';
import { FilterBuilder } from '../contacts/FilterBuilder';
import { AudienceText } from './AudienceText';
import type { AudienceKind, CampaignDraft } from './draft';

interface Preview {
  count: number;
  sample: Contact[];
}

const PAUSE_MS = 400;

/** A value that has rested for a moment: one request for what was typed, not one for each letter. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  const key = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), PAUSE_MS);
    return () => clearTimeout(timer);
    // The key says whether it changed; the value is a new object each time.
  }, [key]);
  return rested;
}

export function AudienceStep({ draft, change }: { draft: CampaignDraft; change: (part: Partial<CampaignDraft>) => void }) {
  const { t, number } = useI18n();
  const lists = useList<ContactList>('/v1/lists', { query: { limit: 200 } });
  const kinds: AudienceKind[] = draft.kept ? ['kept', 'all', 'lists', 'filter'] : ['all', 'lists', 'filter'];
  return (
    <div className="columns-side">
      <Card title={t('campaigns.step_audience')}>
        <div role="radiogroup" aria-label={t('campaigns.step_audience')} className="stack-small">
          {kinds.map(kind => (
            <label key={kind} className="choice">
              <input type="radio" name="audience" checked={draft.audience === kind} onChange={() => change({ audience: kind })} />
              <span>
                <span className="strong">{t(`audience.kind_${kind}`)}</span>
                <span className="muted small">{t(`audience.kind_${kind}_text`)}</span>
              </span>
            </label>
          ))}
        </div>
        {draft.audience === 'kept' && <AudienceText segment={draft.kept} />}
        {draft.audience === 'lists' &&
          (lists.isPending ? (
            <Loading />
          ) : lists.rows.length === 0 ? (
            <EmptyState title={t('lists.none')} />
          ) : (
            <div className="stack-small">
              {lists.rows.map(list => (
                <Checkbox
                  key={list.id}
                  checked={draft.listIds.includes(list.id)}
                  label={
                    <>
                      <Own text={list.name} /> <span className="muted">{number(list.contact_count)}</span>
                    </>
                  }
                  onChange={event =>
                    change({
                      listIds: event.target.checked ? [...draft.listIds, list.id] : draft.listIds.filter(id => id !== list.id),
                    })
                  }
                />
              ))}
            </div>
          ))}
        {draft.audience === 'filter' && <FilterBuilder form={draft.filter} onChange={filter => change({ filter })} />}
      </Card>
      <LiveCount draft={draft} lists={lists.rows} />
    </div>
  );
}

/** How many they are now, and who for example; consent and limits are looked at in the estimate. */
function LiveCount({ draft, lists }: { draft: CampaignDraft; lists: readonly ContactList[] }) {
  const { t, number, word } = useI18n();
  const wanted = draft.audience === 'all' ? {} : draft.audience === 'filter' ? filterOf(draft.filter) : null;
  const filters = useRested(wanted);
  const preview = useQuery<Preview>({
    queryKey: ['/v1/lists/preview', filters],
    queryFn: ({ signal }) => call<Preview>('POST', '/v1/lists/preview', { filters }, { signal }),
    enabled: filters !== null,
    retry: false,
  });
  if (draft.audience === 'lists') {
    const count = lists.filter(list => draft.listIds.includes(list.id)).reduce((sum, list) => sum + list.contact_count, 0);
    return (
      <Card title={t('audience.count')}>
        <div className="big-number" aria-live="polite">
          {number(count)}
        </div>
        {draft.listIds.length > 1 && <p className="muted">{t('audience.lists_overlap')}</p>}
      </Card>
    );
  }
  return (
    <Card title={t('audience.count')}>
      {draft.audience === 'filter' && wanted === null && <p className="muted">{t('audience.incomplete')}</p>}
      {preview.error ? (
        <Fault fault={preview.error} />
      ) : preview.isFetching && !preview.data ? (
        <Loading />
      ) : (
        preview.data && (
          <>
            <div className="big-number" aria-live="polite">
              {number(preview.data.count)}
            </div>
            <h3>{t('audience.sample')}</h3>
            <ul className="plain stack-small">
              {preview.data.sample.slice(0, 8).map(contact => (
                <li key={contact.id} className="row-between">
                  <span>
                    <Own text={[contact.first_name, contact.last_name].filter(Boolean).join(' ')} />{' '}
                    <Phone number={contact.phone_number} />
                  </span>
                  <Badge tone={toneOf(contact.consent_status)}>{word('status', contact.consent_status)}</Badge>
                </li>
              ))}
            </ul>
          </>
        )
      )}
    </Card>
  );
}
