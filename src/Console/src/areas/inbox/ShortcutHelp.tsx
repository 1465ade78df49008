import { useI18n } from '../../i18n/I18n';
import { Dialog } from '../../kit/Dialog';
import { Facts } from '../../kit/Page';

const KEYS = [
  ['j', 'next'],
  ['k', 'previous'],
  ['r', 'reply'],
  ['/', 'search'],
  ['i', 'panel'],
  ['Esc', 'close'],
  ['Enter', 'send'],
  ['Shift + Enter', 'line'],
  ['/…', 'canned'],
  ['?', 'help'],
] as const;

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Dialog title={t('inbox.keys')} onClose={onClose}>
      <Facts
        facts={KEYS.map(
          ([key, name]) =>
            [
              t(`inbox.key_${name}`),
              <kbd key={key} dir="ltr">
                {key}
              </kbd>,
            ] as const,
        )}
      />
    </Dialog>
  );
}
