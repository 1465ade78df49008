import { describe, expect, it } from 'vitest';
import type { Campaign } from '../../api/types';
import { bodyOf, draftOf, newDraft, optionsReady, scheduleBody } from './draft';
import { hoursBody, hoursFault, noOptions, optionsOf, triggerBody, variantsBody, variantsReady } from './options';

describe("a campaign's options", () => {
  const { hours } = noOptions();

  it('are left out when nothing is said, so that an older server takes the campaign', () => {
    const draft = { ...newDraft('UTC'), name: 'n', accountId: 'a', templateId: 't' };
    expect(Object.keys(bodyOf(draft, [], () => null)!).filter(name => /hours|variants|trigger|budget/.test(name))).toEqual([]);
  });

  it('are taken back when they were switched off', () => {
    const campaign = {
      id: 'c',
      name: 'n',
      account_id: 'a',
      template_id: 't',
      type: 'BROADCAST',
      audience_segment: { all: true },
      sending_hours: { quiet_from: '21:00', quiet_to: '08:00', zone: 'recipient' },
      error_budget: { share: 0.1, min_sample: 200 },
    };
    const draft = draftOf(campaign as unknown as Campaign, 'UTC', at => at);
    expect(bodyOf(draft, [], () => null)).toMatchObject({
      sending_hours: { quiet_from: '21:00', quiet_to: '08:00', zone: 'recipient' },
      error_budget: { share: 0.1, min_sample: 200 },
    });
    expect(bodyOf({ ...draft, hours, budget: { ...draft.budget, on: false } }, [], () => null)).toMatchObject({
      sending_hours: null,
      error_budget: null,
    });
  });

  it('say quiet hours and days, or any time', () => {
    expect(hoursBody(hours)).toBeNull();
    expect(hoursBody({ ...hours, mode: 'any' })).toEqual({});
    expect(hoursBody({ ...hours, mode: 'own', days: ['fri', 'mon'] })).toEqual({
      quiet_from: '21:00',
      quiet_to: '08:00',
      days: ['mon', 'fri'],
      zone: 'recipient',
    });
    expect(hoursFault({ ...hours, mode: 'own', to: '' })).toBe('hours_pair');
    expect(hoursFault({ ...hours, mode: 'own', days: [] })).toBe('hours_days');
    expect(optionsOf({ sending_hours: {} }).hours.mode).toBe('any');
  });

  it('have two to ten variants, each once and with a share', () => {
    const variant = (templateId: string, share = '1') => ({ templateId, share, bindings: {}, parameters: null });
    expect(variantsReady([])).toBe(true);
    expect(variantsReady([variant('a')])).toBe(false);
    expect(variantsReady([variant('a'), variant('a')])).toBe(false);
    expect(variantsReady([variant('a'), variant('b', '0')])).toBe(false);
    expect(variantsReady([variant('a'), variant('b', '3')])).toBe(true);
    expect(variantsBody([variant('a'), variant('b', '3')], () => [])).toEqual([
      { template_id: 'a', share: 1 },
      { template_id: 'b', share: 3 },
    ]);
  });

  it('keep the parameters of a variant whose template is not known here', () => {
    const forms = optionsOf({
      variants: [
        { template_id: 'a', share: 1, template_parameters: { body: ['x'] } },
        { template_id: 'b', share: 2 },
      ],
    }).variants;
    expect(variantsBody(forms, () => null)).toEqual([
      { template_id: 'a', share: 1, template_parameters: { body: ['x'] } },
      { template_id: 'b', share: 2 },
    ]);
  });

  it('say what triggers it, and not before it is filled in', () => {
    const { trigger } = noOptions();
    expect(triggerBody(trigger)).toEqual({ on: 'api', cooldown_seconds: 0 });
    expect(triggerBody({ ...trigger, on: 'tag_added' })).toBeNull();
    expect(triggerBody({ ...trigger, on: 'keyword', keywords: 'hi, menu,', cooldown: '1.5' })).toEqual({
      on: 'keyword',
      keywords: ['hi', 'menu'],
      cooldown_seconds: 5400,
    });
    expect(triggerBody({ ...trigger, cooldown: '-1' })).toBeNull();
  });

  it('schedule a moment for all, or what each clock shows', () => {
    const draft = { ...newDraft('Asia/Kolkata'), when: 'later' as const, scheduledAt: '2026-12-24T10:00' };
    expect(scheduleBody(draft)).toEqual({ scheduled_at: '2026-12-24T04:30:00.000Z' });
    expect(scheduleBody({ ...draft, zone: 'recipient' })).toEqual({ local_time: '2026-12-24T10:00', zone: 'recipient' });
    expect(optionsReady({ ...draft, scheduledAt: '' })).toBe(false);
    expect(optionsReady({ ...draft, zone: 'recipient' })).toBe(true);
  });
});
