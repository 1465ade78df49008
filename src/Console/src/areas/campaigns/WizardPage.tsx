import { useMemo, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, call } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Account, Campaign, Schema, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Await, Card, Fault, Loading, Page } from '../../kit/Page';
import { instantIn, localZone, wallIn } from '../../lib/time';
import { parametersOf, readComponents } from '../../lib/template';
import { cx } from '../../lib/cx';
import { AudienceStep } from './AudienceStep';
import {
  bodyOf,
  type CampaignDraft,
  draftOf,
  newDraft,
  segmentOf,
  unbound,
  withBindings,
  optionsReady,
  scheduleBody,
  zoneOf,
} from './draft';
import { MessageStep } from './MessageStep';
import { OptionsStep } from './OptionsStep';
import { ReviewStep } from './ReviewStep';

const TYPES = { now: 'BROADCAST', later: 'SCHEDULED', trigger: 'TRIGGERED' };
const STEPS = ['message', 'audience', 'options', 'review'] as const;

export default function WizardPage() {
  const { id } = useParams();
  const read = useGet('/v1/campaigns/{id}', { path: { id: id ?? '' } }, { enabled: !!id });
  const zone = localZone();
  if (!id) {
    return <Wizard first={newDraft(zone)} />;
  }
  return (
    <Await read={read}>
      {campaign => <Wizard key={id} first={draftOf(campaign as Campaign, zone, at => wallIn(new Date(at), zone))} />}
    </Await>
  );
}

function Wizard({ first }: { first: CampaignDraft }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const [draft, setDraft] = useState(first);
  const [step, setStep] = useState(0);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const templates = useList<Template>(
    '/v1/templates',
    { query: { limit: 200, account_id: draft.accountId } },
    { enabled: !!draft.accountId },
  );
  const template = templates.rows.find(row => row.id === draft.templateId) ?? null;
  const variables = useMemo(() => (template ? parametersOf(readComponents(template.components)) : []), [template]);
  const shown = useMemo(() => withBindings(draft, variables), [draft, variables]);
  const variablesOf = (id: string) => {
    const row = templates.rows.find(one => one.id === id);
    return row ? parametersOf(readComponents(row.components)) : null;
  };
  const change = (part: Partial<CampaignDraft>) => setDraft(before => ({ ...withBindings(before, variables), ...part }));
  const ready = [
    shown.name.trim() !== '' && shown.accountId !== '' && template !== null && unbound(variables, shown.bindings).length === 0,
    segmentOf(shown) !== null,
    optionsReady(shown),
    true,
  ];

  /** Saves what there is; the estimate and a test send need a draft on the server. */
  const save = async (): Promise<string | null> => {
    const body = bodyOf(shown, variables, wall => instantIn(wall, zoneOf(shown))?.toISOString() ?? null, variablesOf);
    if (!body) {
      return null;
    }
    setBusy(true);
    setFault(null);
    try {
      const saved = shown.id
        ? await call<Campaign>('PATCH', '/v1/campaigns/{id}', body, { path: { id: shown.id } })
        : await call<Campaign>('POST', '/v1/campaigns', { ...body, type: TYPES[shown.when] });
      change({ id: saved.id, type: saved.type });
      return saved.id;
    } catch (refused) {
      setFault(refused);
      return null;
    } finally {
      setBusy(false);
    }
  };

  const next = async () => {
    if (step === STEPS.length - 2 && !(await save())) {
      return;
    }
    setStep(Math.min(step + 1, STEPS.length - 1));
  };

  const leave = async () => {
    const id = await save();
    if (id) {
      await navigate(`/campaigns/${id}`);
    }
  };

  const launch = async () => {
    setBusy(true);
    setFault(null);
    try {
      const id = await save();
      if (!id) {
        return;
      }
      setBusy(true);
      if (shown.when === 'later') {
        await api.post('/v1/campaigns/{id}/schedule', scheduleBody(shown) as Schema<'ScheduleRequest'>, { path: { id } });
      } else {
        await api.post('/v1/campaigns/{id}/launch', null, { path: { id } });
      }
      await navigate(`/campaigns/${id}`);
    } catch (refused) {
      setFault(refused);
    } finally {
      setBusy(false);
    }
  };

  const waiting = accounts.isPending || (draft.templateId !== '' && templates.isPending);
  return (
    <Page
      title={first.id ? t('campaigns.edit_title') : t('campaigns.new')}
      back={<Link to="/campaigns">{t('nav.campaigns')}</Link>}
      actions={
        <Button disabled={!ready[0] || !ready[1]} busy={busy} onClick={() => void leave()}>
          {t('campaigns.save_draft')}
        </Button>
      }
    >
      <ol className="steps">
        {STEPS.map((name, i) => (
          <li key={name} className={cx('step', i === step && 'step-here', i < step && 'step-done')}>
            <button type="button" disabled={i > step} aria-current={i === step ? 'step' : undefined} onClick={() => setStep(i)}>
              <span className="step-number" aria-hidden="true">
                {i + 1}
              </span>
              {t(`campaigns.step_${name}`)}
            </button>
          </li>
        ))}
      </ol>
      {waiting ? (
        <Loading />
      ) : (
        <>
          {step === 0 && (
            <MessageStep
              draft={shown}
              change={change}
              accounts={accounts.rows}
              templates={templates.rows}
              template={template}
              variables={variables}
            />
          )}
          {step === 1 && <AudienceStep draft={shown} change={change} />}
          {step === 2 && <OptionsStep draft={shown} change={change} templates={templates.rows} />}
          {step === 3 && shown.id && <ReviewStep draft={shown} id={shown.id} template={template} />}
        </>
      )}
      <Fault fault={fault} />
      <Card>
        <div className="row-between">
          <Button disabled={step === 0} onClick={() => setStep(step - 1)}>
            {t('common.back')}
          </Button>
          {step < STEPS.length - 1 ? (
            <Button look="primary" busy={busy} disabled={!ready[step]} onClick={() => void next()}>
              {t('common.next')}
            </Button>
          ) : (
            <Button look="primary" busy={busy} disabled={!ready.every(Boolean)} onClick={() => void launch()}>
              {t(shown.when === 'later' ? 'campaigns.schedule' : 'campaigns.launch')}
            </Button>
          )}
        </div>
      </Card>
    </Page>
  );
}
