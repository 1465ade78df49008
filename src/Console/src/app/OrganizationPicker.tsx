import { useList } from '../api/hooks';
import type { Organization } from '../api/types';
import { useI18n } from '../i18n/I18n';
import { Select } from '../kit/Field';
import { useSession, useSessions } from './session';

/** The platform's staff look at one organization at a time; each look is an act on its audit trail. */
export function OrganizationPicker() {
  const { t } = useI18n();
  const { choose } = useSessions();
  const { organization } = useSession();
  const list = useList<Organization>('/v1/organizations', { query: { limit: 200 } });
  const rows = organization && !list.rows.some(row => row.id === organization.id) ? [organization, ...list.rows] : list.rows;
  return (
    <Select
      label={t('organization.acting_for')}
      hideLabel
      className="organization-picker"
      value={organization?.id ?? ''}
      onChange={event => {
        if (event.target.value === '…') {
          void list.fetchNextPage();
        } else {
          choose(rows.find(row => row.id === event.target.value) ?? null);
        }
      }}
      choices={[
        { value: '', label: t('organization.none') },
        ...rows.map(row => ({ value: row.id, label: row.name })),
        ...(list.hasNextPage ? [{ value: '…', label: t('common.more') }] : []),
      ]}
    />
  );
}
