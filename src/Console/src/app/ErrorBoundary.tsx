import type { ReactNode } from 'react';
import { Component } from 'react';
import { useI18n } from '../i18n/I18n';
import { Button } from '../kit/Button';

/** A page that breaks takes only itself along. A chunk of an older build that is gone is cured by reloading. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { fault: Error | null }> {
  override state: { fault: Error | null } = { fault: null };

  static getDerivedStateFromError(fault: Error) {
    return { fault };
  }

  override render() {
    return this.state.fault ? <Broken fault={this.state.fault} /> : this.props.children;
  }
}

function Broken({ fault }: { fault: Error }) {
  const { t } = useI18n();
  return (
    <div className="page">
      <div className="fault" role="alert">
        <strong>{t('common.page_broke')}</strong>
        <div className="fault-code">
          <code>{fault.message}</code>
        </div>
        <Button onClick={() => location.reload()}>{t('common.reload')}</Button>
      </div>
    </div>
  );
}
