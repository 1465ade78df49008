import { Link } from 'react-router';
import { useI18n } from '../i18n/I18n';
import { Page } from '../kit/Page';

export default function NotFound() {
  const { t } = useI18n();
  return (
    <Page title={t('common.not_found')}>
      <p>
        <Link to="/">{t('common.home')}</Link>
      </p>
    </Page>
  );
}
