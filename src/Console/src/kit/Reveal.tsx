import { useState } from 'react';
import { useI18n } from '../i18n/I18n';
import { Button } from './Button';

/** A secret that is shown once, with a way to take it along. */
export function Secret({ value, label }: { value: string; label: string }) {
  const { t } = useI18n();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      setCopied(false); // no permission: the text can be marked and copied by hand
    }
  };
  return (
    <div className="secret">
      <input className="input" readOnly value={value} aria-label={label} dir="ltr" onFocus={event => event.target.select()} />
      <Button onClick={() => void copy()}>{copied ? t('common.copied') : t('common.copy')}</Button>
    </div>
  );
}
