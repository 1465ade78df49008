import { Navigate, Route, Routes } from 'react-router';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { SubNav } from '../contacts/ContactsArea';
import { AccountPage } from './AccountPage';
import { AiPage } from './AiPage';
import { CannedPage } from './CannedPage';
import { NumbersPage } from './NumbersPage';
import { OrganizationPage } from './OrganizationPage';

export function SettingsNav() {
  const { t } = useI18n();
  const { can, organization } = useSession();
  return (
    <SubNav
      links={[
        ['/settings/me', t('nav.my_account')],
        ...(organization
          ? ([
              ['/settings/organization', t('settings.organization')],
              ['/settings/numbers', t('settings.numbers')],
              ['/settings/canned', t('inbox.canned')],
            ] as const)
          : []),
        ...(organization && can('manager') ? ([['/settings/ai', t('settings.ai')]] as const) : []),
      ]}
    />
  );
}

export default function SettingsArea() {
  return (
    <Routes>
      <Route index element={<Navigate to="me" replace />} />
      <Route path="me" element={<AccountPage />} />
      <Route path="organization" element={<OrganizationPage />} />
      <Route path="numbers" element={<NumbersPage />} />
      <Route path="canned" element={<CannedPage />} />
      <Route path="ai" element={<AiPage />} />
    </Routes>
  );
}
