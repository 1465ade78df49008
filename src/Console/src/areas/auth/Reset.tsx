import { useI18n } from '../../i18n/I18n';
import { PasswordEntry } from './PasswordEntry';

export default function Reset() {
  const { t } = useI18n();
  return (
    <PasswordEntry title={t('auth.reset_title')} action={t('auth.reset_save')} done={t('auth.reset_done')} path="/v1/auth/reset" />
  );
}
