import type { Campaign } from '../../api/types';
import type { FilterForm } from '../../lib/filter';
import { filterOf, formOf } from '../../lib/filter';
import type { Binding, Variable } from '../../lib/template';
import { instantIn, localZone } from '../../lib/time';
import { bindingKey, bindingsOf, templateParameters } from '../../lib/template';
import type { Options, StoredOptions } from './options';
import { hoursBody, hoursFault, noOptions, optionsOf, RECIPIENT, triggerBody, variantsBody, variantsReady } from './options';

export type AudienceKind = 'all' | 'lists' | 'filter' | 'kept';

export interface CampaignDraft extends Options {
  id: string | null;
  name: string;
  description: string;
  accountId: string;
  templateId: string;
  audience: AudienceKind;
  listIds: string[];
  filter: FilterForm;
  /** An audience that this form cannot say (contacts by id, a retry, a nested filter): it stays as it is. */
  kept: unknown;
  bindings: Record<string, Binding>;
  /** Metadata that is not ours: it stays. */
  metadata: Record<string, unknown>;
  onLimit: 'wait' | 'skip';
  /** Wall clock times of `zone`; empty: none. */
  sendUntil: string;
  when: 'now' | 'later' | 'trigger';
  /** What the campaign was made as; it stays. Null: it is not made yet. */
  type: string | null;
  /** Options that the stored campaign has: switched off they are taken back, not left out. */
  had: readonly string[];
  scheduledAt: string;
  zone: string;
  budget: { on: boolean; percent: string; sample: string };
}

export function newDraft(zone: string): CampaignDraft {
  return {
    id: null,
    name: '',
    description: '',
    accountId: '',
    templateId: '',
    audience: 'all',
    listIds: [],
    filter: { match: 'all', conditions: [{ field: 'tags', op: 'has', value: '' }] },
    kept: null,
    bindings: {},
    metadata: {},
    onLimit: 'wait',
    sendUntil: '',
    when: 'now',
    type: null,
    had: [],
    ...noOptions(),
    scheduledAt: '',
    zone,
    budget: { on: false, percent: '50', sample: '1000' },
  };
}

interface Audience {
  all?: boolean;
  list_ids?: string[];
  filter?: unknown;
}

function audienceOf(segment: unknown): Pick<CampaignDraft, 'audience' | 'listIds' | 'kept'> & { filter: FilterForm | null } {
  const s = (segment ?? {}) as Audience;
  const none = { listIds: [] as string[], kept: null, filter: null };
  if (s.all) {
    return { ...none, audience: 'all' };
  }
  if (s.list_ids) {
    return { ...none, audience: 'lists', listIds: s.list_ids };
  }
  const form = s.filter === undefined ? null : formOf(s.filter);
  return form ? { ...none, audience: 'filter', filter: form } : { ...none, audience: 'kept', kept: segment };
}

const OPTIONS = ['error_budget', 'sending_hours', 'variants', 'trigger'] as const;

/** The form of a campaign that is edited. */
export function draftOf(campaign: Campaign, zone: string, wall: (at: string) => string): CampaignDraft {
  const blank = newDraft(zone);
  const { filter, ...audience } = audienceOf(campaign.audience_segment);
  const local = (campaign as { local_time?: string | null }).local_time;
  const budget = (campaign as { error_budget?: { share: number; min_sample: number } | null }).error_budget;
  return {
    ...blank,
    ...audience,
    filter: filter ?? blank.filter,
    id: campaign.id,
    name: campaign.name,
    description: campaign.description ?? '',
    accountId: campaign.account_id,
    templateId: campaign.template_id,
    metadata: (campaign.metadata ?? {}) as Record<string, unknown>,
    onLimit: campaign.on_limit === 'skip' ? 'skip' : 'wait',
    sendUntil: campaign.send_until ? wall(campaign.send_until) : '',
    ...optionsOf(campaign as StoredOptions),
    type: campaign.type,
    had: OPTIONS.filter(name => (campaign as Record<string, unknown>)[name]),
    when: campaign.type === 'TRIGGERED' ? 'trigger' : campaign.scheduled_at ? 'later' : 'now',
    zone: local ? RECIPIENT : zone,
    scheduledAt: local ? local.slice(0, 16) : campaign.scheduled_at ? wall(campaign.scheduled_at) : '',
    budget: budget
      ? { on: true, percent: String(Math.round(Number(budget.share) * 10_000) / 100), sample: String(budget.min_sample) }
      : blank.budget,
  };
}

/** Bindings of the stored campaign, once its template's variables are known. */
export function withBindings(draft: CampaignDraft, variables: readonly Variable[]): CampaignDraft {
  const stored = bindingsOf(variables, draft.metadata.template_parameters);
  const bindings = Object.fromEntries(
    variables.map(variable => {
      const key = bindingKey(variable);
      return [key, draft.bindings[key] ?? stored[key] ?? { field: '', text: '' }];
    }),
  );
  return { ...draft, bindings };
}

/** `audience_segment`; null while it is not filled in. */
export function segmentOf(draft: CampaignDraft): object | null {
  switch (draft.audience) {
    case 'all':
      return { all: true };
    case 'lists':
      return draft.listIds.length > 0 ? { list_ids: draft.listIds } : null;
    case 'kept':
      return draft.kept as object | null;
    case 'filter': {
      const filter = filterOf(draft.filter);
      return filter ? { filter } : null;
    }
  }
}

export interface DraftBody {
  name: string;
  description: string | null;
  account_id: string;
  template_id: string;
  audience_segment: object;
  metadata: Record<string, unknown>;
  on_limit: string;
  send_until: string | null;
  [option: string]: unknown;
}

/** What is posted or patched; null while something is missing. */
export function bodyOf(
  draft: CampaignDraft,
  variables: readonly Variable[],
  instant: (wall: string) => string | null,
  variablesOf: (templateId: string) => readonly Variable[] | null = () => null,
): DraftBody | null {
  const segment = segmentOf(draft);
  const trigger = draft.when === 'trigger' ? triggerBody(draft.trigger) : null;
  const ready =
    draft.name.trim() && draft.accountId && draft.templateId && variantsReady(draft.variants) && !hoursFault(draft.hours);
  if (!segment || !ready || (draft.when === 'trigger' && !trigger)) {
    return null;
  }
  const percent = Number(draft.budget.percent);
  const sample = Math.round(Number(draft.budget.sample));
  const options: Record<string, unknown> = {
    error_budget: draft.budget.on && percent > 0 && sample > 0 ? { share: percent / 100, min_sample: sample } : null,
    sending_hours: hoursBody(draft.hours),
    variants: variantsBody(draft.variants, variablesOf),
    trigger,
  };
  return {
    name: draft.name.trim(),
    description: draft.description.trim() || null,
    account_id: draft.accountId,
    template_id: draft.templateId,
    audience_segment: segment,
    metadata: { ...draft.metadata, template_parameters: templateParameters(variables, draft.bindings) },
    on_limit: draft.onLimit,
    send_until: draft.sendUntil ? instant(draft.sendUntil) : null,
    // What is not used is left out, so that an older server takes it, too.
    ...Object.fromEntries(Object.entries(options).filter(([name, value]) => value !== null || draft.had.includes(name))),
  };
}

/** Variables that nobody has bound yet. */
export function unbound(variables: readonly Variable[], bindings: Record<string, Binding>): Variable[] {
  return variables.filter(variable => {
    const binding = bindings[bindingKey(variable)];
    return !binding || (binding.field === '' && binding.text.trim() === '');
  });
}

/** Whose clock the times of the form are: of a recipient's own clock the browser's, where an instant is needed. */
export function zoneOf(draft: CampaignDraft): string {
  return draft.zone === RECIPIENT ? localZone() : draft.zone;
}

/** Whether the step of times and limits is filled in. */
export function optionsReady(draft: CampaignDraft): boolean {
  return (
    (draft.when !== 'later' || instantIn(draft.scheduledAt, zoneOf(draft)) !== null) &&
    (draft.when !== 'trigger' || triggerBody(draft.trigger) !== null) &&
    variantsReady(draft.variants) &&
    hoursFault(draft.hours) === null
  );
}

/** What `…/schedule` takes: a moment for all, or what each recipient's own clock shows. */
export function scheduleBody(draft: CampaignDraft): object {
  return draft.zone === RECIPIENT
    ? { local_time: draft.scheduledAt.slice(0, 16), zone: RECIPIENT }
    : { scheduled_at: instantIn(draft.scheduledAt, draft.zone)?.toISOString() ?? null };
}
