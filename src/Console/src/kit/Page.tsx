import type { ReactNode } from 'react';
import { useEffect, useRef } from 'react';
import { useLocation } from 'react-router';
import { Problem } from '../api/problem';
import { useI18n } from '../i18n/I18n';
import { cx } from '../lib/cx';
import { Button } from './Button';

interface PageProps {
  title: ReactNode;
  /** For the browser's tab when the title is more than a text. */
  name?: string;
  lead?: ReactNode;
  actions?: ReactNode;
  back?: ReactNode;
  children: ReactNode;
}

/** A page of an area: its heading takes the focus when one comes to it, so that screen readers say where one is. */
export function Page({ title, name, lead, actions, back, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  const shown = name ?? (typeof title === 'string' ? title : '');
  useEffect(() => {
    document.title = shown ? `${shown} · Bsp` : 'Bsp';
  }, [shown]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          {back && <div className="page-back">{back}</div>}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p className="page-lead">{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
  className,
  flush,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  flush?: boolean;
}) {
  return (
    <section className={cx('card', flush && 'card-flush', className)}>
      {(title || actions) && (
        <header className="card-head">
          <h2>{title}</h2>
          {actions && <div className="row">{actions}</div>}
        </header>
      )}
      <div className="card-body">{children}</div>
    </section>
  );
}

export function Stat({
  label,
  value,
  hint,
  tone,
}: {
  label: string;
  value: ReactNode;
  hint?: ReactNode;
  tone?: 'bad' | 'warn' | 'good';
}) {
  return (
    <div className={cx('stat', tone && `stat-${tone}`)}>
      <div className="stat-label">{label}</div>
      <div className="stat-value">{value}</div>
      {hint && <div className="stat-hint">{hint}</div>}
    </div>
  );
}

export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <div className="empty-title">{title}</div>
      {children && <div className="empty-text">{children}</div>}
      {action && <div className="empty-action">{action}</div>}
    </div>
  );
}

/** Name and value pairs. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode] | null | false)[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(fact => fact !== null && fact !== false)
        .map(([name, value]) => (
          <div key={name} className="facts-row">
            <dt>{name}</dt>
            <dd>{value ?? '–'}</dd>
          </div>
        ))}
    </dl>
  );
}

export function Loading() {
  const { t } = useI18n();
  return (
    <div className="loading" role="status">
      <span className="spinner" aria-hidden="true" /> {t('common.loading')}
    </div>
  );
}

/** What was refused or failed, in the server's own words, with its code and trace for whoever helps. */
export function Fault({ fault, retry }: { fault: unknown; retry?: () => void }) {
  const { t } = useI18n();
  if (!fault) {
    return null;
  }
  const problem = fault instanceof Problem ? fault : null;
  if (problem?.notBuilt) {
    return <p className="muted">{t('common.not_available')}</p>;
  }
  const fields = Object.entries(problem?.errors ?? {});
  return (
    <div className="fault" role="alert">
      <strong>{problem?.away ? t('common.server_away') : fault instanceof Error ? fault.message : String(fault)}</strong>
      {fields.length > 0 && (
        <ul>
          {fields.map(([field, faults]) => (
            <li key={field}>
              <code>{field}</code> {faults.join(' ')}
            </li>
          ))}
        </ul>
      )}
      {problem && !problem.away && (
        <div className="fault-code">
          <code>{problem.code}</code>
          {problem.traceId && (
            <>
              {' '}
              · <code>{problem.traceId}</code>
            </>
          )}
        </div>
      )}
      {problem?.retryAfter && <div>{t('common.retry_after', { seconds: problem.retryAfter })}</div>}
      {retry && (
        <Button small onClick={retry}>
          {t('common.try_again')}
        </Button>
      )}
    </div>
  );
}

/** Waits for a read, says what went wrong with it, shows it. */
export function Await<T>({
  read,
  children,
}: {
  read: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  children: (data: T) => ReactNode;
}) {
  if (read.data !== undefined) {
    return <>{children(read.data)}</>;
  }
  return read.error ? <Fault fault={read.error} retry={() => void read.refetch()} /> : <Loading />;
}
