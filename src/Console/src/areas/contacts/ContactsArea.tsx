import { NavLink, Route, Routes } from 'react-router';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { cx } from '../../lib/cx';
import { ContactPage } from './ContactPage';
import { ContactsPage } from './ContactsPage';
import { ImportPage } from './ImportPage';
import { ImportProgress } from './ImportProgress';
import { ListPage } from './ListPage';
import { ListsPage } from './ListsPage';

export function SubNav({ links }: { links: readonly (readonly [string, string])[] }) {
  return (
    <nav className="tabs subnav" aria-label={links.map(([, label]) => label).join(', ')}>
      {links.map(([to, label]) => (
        <NavLink
          key={to}
          to={to}
          end={links.some(([other]) => other.startsWith(`${to}/`))}
          className={({ isActive }) => cx('tab', isActive && 'tab-chosen')}
        >
          {label}
        </NavLink>
      ))}
    </nav>
  );
}

export function ContactsNav() {
  const { t } = useI18n();
  const { can } = useSession();
  return (
    <SubNav
      links={[
        ['/contacts', t('nav.contacts')],
        ['/contacts/lists', t('lists.title')],
        ...(can('manager') ? [['/contacts/import', t('imports.title')] as const] : []),
      ]}
    />
  );
}

export default function ContactsArea() {
  return (
    <Routes>
      <Route index element={<ContactsPage />} />
      <Route path="lists" element={<ListsPage />} />
      <Route path="lists/:id" element={<ListPage />} />
      <Route path="import" element={<ImportPage />} />
      <Route path="imports/:id" element={<ImportProgress />} />
      <Route path=":id" element={<ContactPage />} />
    </Routes>
  );
}
