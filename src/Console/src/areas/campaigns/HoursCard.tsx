import { useI18n } from '../../i18n/I18n';
import { Checkbox, Select, TextField } from '../../kit/Field';
import { Card } from '../../kit/Page';
import { zones } from '../../lib/time';
import type { HoursForm } from './options';
import { DAYS, hoursFault, RECIPIENT } from './options';

/** A Monday: names of days come from the locale. */
const MONDAY = Date.UTC(2024, 0, 1);

/** Hours and days on which nothing is sent. */
export function HoursCard({ hours, onChange }: { hours: HoursForm; onChange: (hours: HoursForm) => void }) {
  const { t, locale } = useI18n();
  const day = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' });
  const fault = hoursFault(hours);
  return (
    <Card title={t('campaigns.hours')}>
      <Select
        label={t('campaigns.hours_mode')}
        value={hours.mode}
        onChange={event => onChange({ ...hours, mode: event.target.value as HoursForm['mode'] })}
        choices={(['default', 'any', 'own'] as const).map(value => ({ value, label: t(`campaigns.hours_${value}`) }))}
      />
      {hours.mode === 'own' && (
        <>
          <div className="form-grid">
            <TextField
              label={t('campaigns.quiet_from')}
              type="time"
              value={hours.from}
              onChange={event => onChange({ ...hours, from: event.target.value })}
            />
            <TextField
              label={t('campaigns.quiet_to')}
              type="time"
              value={hours.to}
              error={fault === 'hours_pair' ? t('campaigns.hours_pair') : null}
              onChange={event => onChange({ ...hours, to: event.target.value })}
            />
            <Select
              label={t('campaigns.zone')}
              value={hours.zone}
              onChange={event => onChange({ ...hours, zone: event.target.value })}
              choices={[
                { value: RECIPIENT, label: t('campaigns.zone_recipient') },
                { value: 'organization', label: t('campaigns.zone_organization') },
                ...zones().map(value => ({ value, label: value })),
              ]}
            />
          </div>
          <fieldset>
            <legend>{t('campaigns.days')}</legend>
            <div className="row">
              {DAYS.map((one, i) => (
                <Checkbox
                  key={one}
                  label={day.format(MONDAY + i * 86_400_000)}
                  checked={hours.days.includes(one)}
                  onChange={event =>
                    onChange({
                      ...hours,
                      days: event.target.checked ? [...hours.days, one] : hours.days.filter(other => other !== one),
                    })
                  }
                />
              ))}
            </div>
          </fieldset>
          {fault === 'hours_days' && <div className="field-error">{t('campaigns.hours_days')}</div>}
        </>
      )}
    </Card>
  );
}
