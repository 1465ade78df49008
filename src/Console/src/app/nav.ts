import type { IconName } from '../kit/Icon';
import type { Role } from '../lib/roles';

export interface Place {
  path: string;
  key: string;
  icon: IconName;
  least: Role;
  /** Shown when no organization is chosen, too. */
  platform?: boolean;
}

/** Areas in the order of the menu, each with the least role that finds something there. */
export const PLACES: readonly Place[] = [
  { path: '/campaigns', key: 'nav.campaigns', icon: 'campaigns', least: 'viewer' },
  { path: '/inbox', key: 'nav.inbox', icon: 'inbox', least: 'viewer' },
  { path: '/contacts', key: 'nav.contacts', icon: 'contacts', least: 'viewer' },
  { path: '/templates', key: 'nav.templates', icon: 'templates', least: 'viewer' },
  { path: '/money', key: 'nav.money', icon: 'money', least: 'viewer' },
  { path: '/analytics', key: 'nav.analytics', icon: 'analytics', least: 'viewer' },
  { path: '/webhooks', key: 'nav.webhooks', icon: 'webhooks', least: 'viewer' },
  { path: '/keys', key: 'nav.keys', icon: 'key', least: 'admin' },
  { path: '/team', key: 'nav.team', icon: 'team', least: 'admin' },
  { path: '/settings', key: 'nav.settings', icon: 'settings', least: 'viewer' },
  { path: '/operations', key: 'nav.operations', icon: 'operations', least: 'super_admin', platform: true },
];
