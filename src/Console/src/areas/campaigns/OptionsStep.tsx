import { useMemo } from 'react';
import type { Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Checkbox, Select, TextField } from '../../kit/Field';
import { Card } from '../../kit/Page';
import { instantIn, localZone, zones } from '../../lib/time';
import type { CampaignDraft } from './draft';
import { HoursCard } from './HoursCard';
import { RECIPIENT } from './options';
import { TriggerForm } from './TriggerForm';
import { VariantsCard } from './VariantsCard';

interface Props {
  draft: CampaignDraft;
  change: (part: Partial<CampaignDraft>) => void;
  templates: readonly Template[];
}

export function OptionsStep({ draft, change, templates }: Props) {
  const { t, time } = useI18n();
  const known = useMemo(() => [...new Set([RECIPIENT, draft.zone, ...zones()])], [draft.zone]);
  const own = draft.zone === RECIPIENT;
  const at = own ? null : instantIn(draft.scheduledAt, draft.zone);
  const kinds = (['now', 'later', 'trigger'] as const).filter(
    when => !draft.type || (when === 'trigger') === (draft.type === 'TRIGGERED'),
  );
  const here = localZone();
  return (
    <div className="columns-2">
      <Card title={t('campaigns.when')}>
        <div role="radiogroup" aria-label={t('campaigns.when')} className="stack-small">
          {kinds.map(when => (
            <label key={when} className="choice">
              <input type="radio" name="when" checked={draft.when === when} onChange={() => change({ when })} />
              <span className="strong">{t(`campaigns.when_${when}`)}</span>
            </label>
          ))}
        </div>
        {draft.when === 'later' && (
          <div className="form-grid">
            <TextField
              label={t('campaigns.scheduled_for')}
              type="datetime-local"
              value={draft.scheduledAt}
              hint={at && draft.zone !== here ? t('campaigns.here_is', { time: time(at) }) : undefined}
              error={draft.scheduledAt && at && at.getTime() < Date.now() ? t('campaigns.in_past') : null}
              onChange={event => change({ scheduledAt: event.target.value })}
            />
            <Select
              label={t('campaigns.zone')}
              value={draft.zone}
              onChange={event => change({ zone: event.target.value })}
              choices={known.map(value => ({ value, label: value === RECIPIENT ? t('campaigns.zone_recipient') : value }))}
            />
          </div>
        )}
        {draft.when === 'trigger' && <TriggerForm trigger={draft.trigger} onChange={trigger => change({ trigger })} />}
        <TextField
          label={t('campaigns.send_until')}
          type="datetime-local"
          value={draft.sendUntil}
          hint={t('campaigns.send_until_hint')}
          onChange={event => change({ sendUntil: event.target.value })}
        />
      </Card>
      <Card title={t('campaigns.limits')}>
        <Select
          label={t('campaigns.on_limit')}
          value={draft.onLimit}
          hint={t('campaigns.on_limit_hint')}
          onChange={event => change({ onLimit: event.target.value === 'skip' ? 'skip' : 'wait' })}
          choices={[
            { value: 'wait', label: t('campaigns.limit_wait') },
            { value: 'skip', label: t('campaigns.limit_skip') },
          ]}
        />
        <Checkbox
          label={t('campaigns.budget')}
          hint={t('campaigns.budget_hint')}
          checked={draft.budget.on}
          onChange={event => change({ budget: { ...draft.budget, on: event.target.checked } })}
        />
        {draft.budget.on && (
          <div className="form-grid">
            <TextField
              label={t('campaigns.budget_percent')}
              type="number"
              min={0.01}
              max={100}
              step="any"
              value={draft.budget.percent}
              onChange={event => change({ budget: { ...draft.budget, percent: event.target.value } })}
            />
            <TextField
              label={t('campaigns.budget_sample')}
              type="number"
              min={1}
              max={1_000_000}
              value={draft.budget.sample}
              onChange={event => change({ budget: { ...draft.budget, sample: event.target.value } })}
            />
          </div>
        )}
      </Card>
      <HoursCard hours={draft.hours} onChange={hours => change({ hours })} />
      <VariantsCard draft={draft} templates={templates} onChange={variants => change({ variants })} />
    </div>
  );
}
