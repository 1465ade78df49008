/** Families of events and their types, as docs/webhooks.md lists them. */
export const EVENTS: Record<string, readonly string[]> = {
  message: [
    'received',
    'accepted',
    'sent',
    'delivered',
    'read',
    'failed',
    'skipped',
    'cancelled',
    'expired',
    'outcome_unknown',
    'unknown_closed',
    'charged',
  ],
  campaign: ['created', 'changed', 'scheduled', 'launched', 'audience_frozen', 'paused', 'resumed', 'cancelled', 'completed'],
  conversation: ['window_opened', 'assigned', 'changed', 'read', 'answered', 'snoozed', 'woken', 'noted'],
  contact: ['consent_changed', 'identity_changed', 'merged', 'erased', 'imported'],
  template: ['created', 'changed', 'submitted', 'status_changed', 'category_changed', 'quality_changed', 'deleted'],
  account: ['created', 'changed', 'connected', 'disconnected', 'claim_lapsed'],
  wallet: ['credited', 'debited', 'refunded', 'hold_placed', 'hold_settled', 'hold_released', 'hold_expired', 'low'],
  subscription: [
    'started',
    'period_paid',
    'payment_failed',
    'plan_changed',
    'suspended',
    'reactivated',
    'cancellation_scheduled',
    'cancellation_revoked',
    'cancelled',
    'expired',
  ],
  ledger: ['head_signed'],
  webhook: ['disabled'],
};

/** A family that is wholly chosen is written as such, so that later types come, too. */
export function toggled(chosen: readonly string[], event: string): string[] {
  if (chosen.includes(event)) {
    return chosen.filter(one => one !== event);
  }
  const family = event.split('.')[0] ?? '';
  return event.endsWith('.*')
    ? [...chosen.filter(one => !one.startsWith(`${family}.`)), event]
    : [...chosen.filter(one => one !== `${family}.*`), event];
}
