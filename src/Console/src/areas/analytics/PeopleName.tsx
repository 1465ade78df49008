import { useMaybe } from '../../api/hooks';
import type { Page, Team } from '../../api/types';
import { useI18n } from '../../i18n/I18n';

export function PeopleName({ row, group }: { row: { group: string; name: string | null }; group: string }) {
  const { t } = useI18n();
  const teams = useMaybe<Page<Team>>('/v1/teams', { query: { limit: 200 } }, { enabled: group === 'team' });
  const name = row.name ?? teams.data?.data.find(team => team.id === row.group)?.name ?? row.group;
  return name ? <bdi>{name}</bdi> : <span className="muted">{t('inbox.nobody')}</span>;
}
