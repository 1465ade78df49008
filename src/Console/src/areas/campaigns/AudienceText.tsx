import { useList } from '../../api/hooks';
import type { ContactList } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { formOf } from '../../lib/filter';

/** An audience in words. */
export function AudienceText({ segment }: { segment: unknown }) {
  const { t, number } = useI18n();
  const s = (segment ?? {}) as { all?: boolean; list_ids?: string[]; contact_ids?: string[]; filter?: unknown; retry?: string };
  const lists = useList<ContactList>('/v1/lists', { query: { limit: 200 } }, { enabled: !!s.list_ids });
  if (s.all) {
    return <>{t('audience.all')}</>;
  }
  if (s.list_ids) {
    return <bdi>{s.list_ids.map(id => lists.rows.find(list => list.id === id)?.name ?? id.slice(-8)).join(', ')}</bdi>;
  }
  if (s.contact_ids) {
    return <>{t('audience.contacts', { count: number(s.contact_ids.length) })}</>;
  }
  if (s.retry) {
    return <>{t('audience.retry')}</>;
  }
  return s.filter ? <FilterText filter={s.filter} /> : <>–</>;
}

export function FilterText({ filter }: { filter: unknown }) {
  const { t, word } = useI18n();
  const form = formOf(filter);
  if (!form) {
    return <pre dir="ltr">{JSON.stringify(filter, null, 2)}</pre>;
  }
  if (form.conditions.length === 0) {
    return <>{t('audience.all')}</>;
  }
  return (
    <span className="chips">
      {form.conditions.map((c, i) => (
        <span key={i} className="chip">
          {i > 0 && <span className="muted">{t(form.match === 'all' ? 'audience.and' : 'audience.or')}</span>}
          {c.field.startsWith('custom_fields.') ? (
            <bdi>{c.field.slice('custom_fields.'.length)}</bdi>
          ) : (
            word('field', c.field)
          )}{' '}
          {word('op', c.op)} {c.op !== 'exists' && <bdi>{c.field === 'consent_status' ? word('status', c.value) : c.value}</bdi>}
        </span>
      ))}
    </span>
  );
}
