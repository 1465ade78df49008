import type { ComponentType } from 'react';
import { createBrowserRouter, Navigate, Outlet, useLocation } from 'react-router';
import { SignIn } from '../areas/auth/SignIn';
import { useI18n } from '../i18n/I18n';
import { Fault, Loading, Page } from '../kit/Page';
import type { Role } from '../lib/roles';
import { useSession, useSessions } from './session';
import { Shell } from './Shell';

/** Pages that need somebody signed in; who is not comes back to where they were. */
function Private() {
  const { session, away } = useSessions();
  const location = useLocation();
  const { t } = useI18n();
  if (session === undefined) {
    return away ? (
      <div className="page">
        <Fault fault={away} />
        <p className="muted">{t('common.trying_again')}</p>
      </div>
    ) : (
      <Loading />
    );
  }
  if (session === null) {
    return <Navigate to="/sign-in" replace state={{ from: location.pathname + location.search }} />;
  }
  if (session.body.second_factor?.must_enrol && !location.pathname.startsWith('/second-factor')) {
    return <Navigate to="/second-factor" replace />;
  }
  return <Outlet />;
}

/** Whoever comes by an address to what their role does not show is told so; what is allowed, the server decides. */
function needing(least: Role, Area: ComponentType): ComponentType {
  return function Needing() {
    const { t, word } = useI18n();
    return useSession().can(least) ? (
      <Area />
    ) : (
      <Page title={t('common.not_for_you')}>
        <p>{t('common.needs_role', { role: word('role', least) })}</p>
      </Page>
    );
  };
}

/** Each area is a chunk of its own, loaded when it is opened. */
const page =
  (load: () => Promise<{ default: ComponentType }>, least: Role = 'viewer') =>
  async () => ({ Component: needing(least, (await load()).default) });

/** Before one is signed in. */
const open = (load: () => Promise<{ default: ComponentType }>) => async () => ({ Component: (await load()).default });

export const router = createBrowserRouter(
  [
    { path: '/sign-in', element: <SignIn />, hydrateFallbackElement: <Loading /> },
    { path: '/forgot', lazy: open(() => import('../areas/auth/Forgot')) },
    { path: '/reset', lazy: open(() => import('../areas/auth/Reset')) },
    { path: '/invitation', lazy: open(() => import('../areas/auth/Invitation')) },
    {
      element: <Private />,
      hydrateFallbackElement: <Loading />,
      children: [
        { path: '/second-factor', lazy: open(() => import('../areas/auth/Enrol')) },
        {
          element: <Shell />,
          children: [
            { index: true, element: <Navigate to="/campaigns" replace /> },
            { path: 'campaigns', lazy: page(() => import('../areas/campaigns/CampaignsPage')) },
            { path: 'campaigns/new', lazy: page(() => import('../areas/campaigns/WizardPage'), 'manager') },
            { path: 'campaigns/:id', lazy: page(() => import('../areas/campaigns/CampaignPage')) },
            { path: 'campaigns/:id/edit', lazy: page(() => import('../areas/campaigns/WizardPage'), 'manager') },
            { path: 'inbox', lazy: page(() => import('../areas/inbox/InboxPage')) },
            { path: 'inbox/:id', lazy: page(() => import('../areas/inbox/InboxPage')) },
            { path: 'contacts/*', lazy: page(() => import('../areas/contacts/ContactsArea')) },
            { path: 'templates/*', lazy: page(() => import('../areas/templates/TemplatesArea')) },
            { path: 'money/*', lazy: page(() => import('../areas/money/MoneyArea')) },
            { path: 'analytics/*', lazy: page(() => import('../areas/analytics/AnalyticsPage')) },
            { path: 'webhooks/*', lazy: page(() => import('../areas/webhooks/WebhooksArea')) },
            { path: 'keys', lazy: page(() => import('../areas/team/KeysPage'), 'admin') },
            { path: 'team/*', lazy: page(() => import('../areas/team/TeamArea'), 'admin') },
            { path: 'settings/*', lazy: page(() => import('../areas/settings/SettingsArea')) },
            { path: 'operations/*', lazy: page(() => import('../areas/operations/OperationsArea'), 'super_admin') },
            { path: '*', lazy: page(() => import('./NotFound')) },
          ],
        },
      ],
    },
  ],
  { basename: '/console' },
);
