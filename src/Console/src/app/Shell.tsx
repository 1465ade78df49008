import { Suspense, useState } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router';
import { useI18n } from '../i18n/I18n';
import { IconButton } from '../kit/Button';
import { Icon } from '../kit/Icon';
import { Loading } from '../kit/Page';
import { cx } from '../lib/cx';
import { ErrorBoundary } from './ErrorBoundary';
import { LiveProvider, useLive } from './live';
import { PLACES } from './nav';
import { OrganizationPicker } from './OrganizationPicker';
import { useSession } from './session';
import { UserMenu } from './UserMenu';

export function Shell() {
  return (
    <LiveProvider>
      <Frame />
    </LiveProvider>
  );
}

function Frame() {
  const { t } = useI18n();
  const session = useSession();
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  const places = PLACES.filter(place => session.can(place.least) && (session.organization || place.platform));
  const needsChoice = !session.organization && !PLACES.some(place => place.platform && pathname.startsWith(place.path));
  return (
    <div className={cx('shell', open && 'shell-open')}>
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <aside className="side">
        <div className="brand">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} alt="" width="24" height="24" /> Bsp
        </div>
        <nav aria-label={t('nav.label')}>
          {places.map(place => (
            <NavLink
              key={place.path}
              to={place.path}
              onClick={() => setOpen(false)}
              className={({ isActive }) => cx('side-link', isActive && 'side-link-here')}
            >
              <Icon name={place.icon} />
              {t(place.key)}
            </NavLink>
          ))}
        </nav>
      </aside>
      <div className="side-shade" onClick={() => setOpen(false)} aria-hidden="true" />
      <div className="main-column">
        <header className="top">
          <IconButton className="menu-button" label={t('nav.menu')} onClick={() => setOpen(!open)} aria-expanded={open}>
            <Icon name="menu" />
          </IconButton>
          {session.platform ? (
            <OrganizationPicker />
          ) : (
            <div className="top-name">
              <bdi>{session.organization?.name}</bdi>
            </div>
          )}
          <div className="grow" />
          <Connection />
          <UserMenu />
        </header>
        <main id="main" tabIndex={-1}>
          <ErrorBoundary key={pathname.split('/')[1]}>
            <Suspense fallback={<Loading />}>
              {needsChoice ? (
                <div className="page">
                  <div className="empty">{t('organization.choose_first')}</div>
                </div>
              ) : (
                <Outlet />
              )}
            </Suspense>
          </ErrorBoundary>
        </main>
      </div>
    </div>
  );
}

/** Says when the server is away, and that it came back. */
function Connection() {
  const { t } = useI18n();
  const { state } = useLive();
  return (
    <div role="status" aria-live="polite" className="connection">
      {state === 'away' && (
        <span className="connection-away">
          <Icon name="warn" />
          {t('common.server_away')}
        </span>
      )}
    </div>
  );
}
