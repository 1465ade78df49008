import { Route, Routes } from 'react-router';
import { useI18n } from '../../i18n/I18n';
import { SubNav } from '../contacts/ContactsArea';
import { OrganizationsPage } from './OrganizationsPage';
import { ProjectionsPage } from './ProjectionsPage';
import { ReconciliationPage } from './ReconciliationPage';
import { SetAsidePage } from './SetAsidePage';
import { StoresPage } from './StoresPage';

export function OperationsNav() {
  const { t } = useI18n();
  return (
    <SubNav
      links={[
        ['/operations', t('ops.projections')],
        ['/operations/stores', t('ops.stores')],
        ['/operations/set-aside', t('ops.set_aside')],
        ['/operations/reconciliation', t('ops.reconciliation')],
        ['/operations/organizations', t('ops.organizations')],
      ]}
    />
  );
}

export default function OperationsArea() {
  return (
    <Routes>
      <Route index element={<ProjectionsPage />} />
      <Route path="stores" element={<StoresPage />} />
      <Route path="set-aside" element={<SetAsidePage />} />
      <Route path="reconciliation" element={<ReconciliationPage />} />
      <Route path="organizations" element={<OrganizationsPage />} />
    </Routes>
  );
}
