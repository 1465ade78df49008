import { Route, Routes } from 'react-router';
import { useI18n } from '../../i18n/I18n';
import { SubNav } from '../contacts/ContactsArea';
import { InvitationsPage } from './InvitationsPage';
import { TeamsPage } from './TeamsPage';
import { TrailPage } from './TrailPage';
import { UsersPage } from './UsersPage';

export function TeamNav() {
  const { t } = useI18n();
  return (
    <SubNav
      links={[
        ['/team', t('team.users')],
        ['/team/invitations', t('team.invitations')],
        ['/team/teams', t('team.teams')],
        ['/team/trail', t('team.trail')],
      ]}
    />
  );
}

export default function TeamArea() {
  return (
    <Routes>
      <Route index element={<UsersPage />} />
      <Route path="invitations" element={<InvitationsPage />} />
      <Route path="teams" element={<TeamsPage />} />
      <Route path="trail" element={<TrailPage />} />
    </Routes>
  );
}
