import type { Binding, Variable } from '../../lib/template';
import { templateParameters } from '../../lib/template';

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** The recipient's own clock, instead of a zone's. */
export const RECIPIENT = 'recipient';

/** When a campaign may send: as the organization says, at any time, or its own hours. */
export interface HoursForm {
  mode: 'default' | 'any' | 'own';
  from: string;
  to: string;
  days: string[];
  zone: string;
  zoneField: string | null;
}

export interface VariantForm {
  templateId: string;
  share: string;
  bindings: Record<string, Binding>;
  /** Parameters of the stored variant; kept while its variables are not known. */
  parameters: unknown;
}

export interface TriggerForm {
  on: string;
  tag: string;
  keywords: string;
  listId: string;
  /** Hours. */
  cooldown: string;
}

export interface Options {
  hours: HoursForm;
  variants: VariantForm[];
  trigger: TriggerForm;
}

export const noOptions = (): Options => ({
  hours: { mode: 'default', from: '21:00', to: '08:00', days: [...DAYS], zone: RECIPIENT, zoneField: null },
  variants: [],
  trigger: { on: 'api', tag: '', keywords: '', listId: '', cooldown: '0' },
});

interface StoredHours {
  quiet_from?: string | null;
  quiet_to?: string | null;
  days?: string[] | null;
  zone?: string | null;
  zone_field?: string | null;
}

export interface StoredOptions {
  sending_hours?: StoredHours | null;
  variants?: { template_id: string; share: number; template_parameters?: unknown }[] | null;
  trigger?: {
    on: string;
    tag?: string | null;
    keywords?: string[] | null;
    list_id?: string | null;
    cooldown_seconds?: number;
  } | null;
}

/** The forms of what a campaign says. */
export function optionsOf(campaign: StoredOptions): Options {
  const none = noOptions();
  const { sending_hours: h, variants, trigger: t } = campaign;
  const own = h && (h.quiet_from || h.days);
  return {
    hours: !h
      ? none.hours
      : {
          mode: own ? 'own' : 'any',
          from: h.quiet_from ?? '',
          to: h.quiet_to ?? '',
          days: h.days ?? [...DAYS],
          zone: h.zone ?? RECIPIENT,
          zoneField: h.zone_field ?? null,
        },
    variants: (variants ?? []).map(v => ({
      templateId: v.template_id,
      share: String(v.share),
      bindings: {},
      parameters: v.template_parameters ?? null,
    })),
    trigger: !t
      ? none.trigger
      : {
          on: t.on,
          tag: t.tag ?? '',
          keywords: (t.keywords ?? []).join(', '),
          listId: t.list_id ?? '',
          cooldown: String(Math.round(((t.cooldown_seconds ?? 0) / 3600) * 100) / 100),
        },
  };
}

/** `sending_hours`; null: as the organization says. */
export function hoursBody(form: HoursForm): StoredHours | null {
  if (form.mode !== 'own') {
    return form.mode === 'any' ? {} : null;
  }
  return {
    ...(form.from && form.to ? { quiet_from: form.from, quiet_to: form.to } : {}),
    ...(form.days.length < DAYS.length ? { days: DAYS.filter(day => form.days.includes(day)) } : {}),
    zone: form.zone,
    ...(form.zoneField ? { zone_field: form.zoneField } : {}),
  };
}

/** What is missing of hours of one's own; null: nothing. */
export function hoursFault(form: HoursForm): 'hours_pair' | 'hours_days' | null {
  if (form.mode !== 'own') {
    return null;
  }
  return (form.from === '') !== (form.to === '') || (form.from !== '' && form.from === form.to)
    ? 'hours_pair'
    : form.days.length === 0
      ? 'hours_days'
      : null;
}

/** `variants`; null: none. A variant without variables takes no parameters of its own. */
export function variantsBody(forms: readonly VariantForm[], variablesOf: (templateId: string) => readonly Variable[] | null) {
  return forms.length < 2
    ? null
    : forms.map(form => {
        const variables = variablesOf(form.templateId);
        const parameters =
          variables === null ? form.parameters : variables.length > 0 ? templateParameters(variables, form.bindings) : null;
        return {
          template_id: form.templateId,
          share: Math.round(Number(form.share)),
          ...(parameters ? { template_parameters: parameters } : {}),
        };
      });
}

/** Whether the variants can be sent: two to ten, each once, each with a share. */
export function variantsReady(forms: readonly VariantForm[]): boolean {
  const share = (form: VariantForm) => /^\d{1,4}$/.test(form.share) && Number(form.share) >= 1 && Number(form.share) <= 1000;
  return (
    forms.length === 0 ||
    (forms.length >= 2 &&
      forms.length <= 10 &&
      forms.every(form => form.templateId !== '' && share(form)) &&
      new Set(forms.map(form => form.templateId)).size === forms.length)
  );
}

/** `trigger`; null while it is not filled in. */
export function triggerBody(form: TriggerForm): NonNullable<StoredOptions['trigger']> | null {
  const seconds = Math.round(Number(form.cooldown) * 3600);
  if (!Number.isFinite(seconds) || seconds < 0) {
    return null;
  }
  const words = form.keywords
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '');
  switch (form.on) {
    case 'tag_added':
      return form.tag.trim() ? { on: form.on, tag: form.tag.trim(), cooldown_seconds: seconds } : null;
    case 'keyword':
      return words.length > 0 ? { on: form.on, keywords: words, cooldown_seconds: seconds } : null;
    case 'list_joined':
      return form.listId ? { on: form.on, list_id: form.listId, cooldown_seconds: seconds } : null;
    default:
      return { on: 'api', cooldown_seconds: seconds };
  }
}
