import { useNavigate } from 'react-router';
import { useSessions } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { useToasts } from '../../kit/Toast';
import { EnrolSecondFactor } from './SecondFactor';

/** For people whose organization wants a second factor before anything else. */
export default function Enrol() {
  const { t } = useI18n();
  const { reload, signOut } = useSessions();
  const { fail } = useToasts();
  const navigate = useNavigate();
  const done = async () => {
    await reload();
    await navigate('/', { replace: true });
  };
  return (
    <main className="entry">
      <div className="entry-box">
        <div>
          <h1>{t('auth.enrol_title')}</h1>
          <p className="muted">{t('auth.enrol_lead')}</p>
        </div>
        <EnrolSecondFactor onDone={() => void done()} />
        <Button look="quiet" onClick={() => signOut().catch(fail)}>
          {t('auth.sign_out')}
        </Button>
      </div>
    </main>
  );
}
