/** One line of the audience form. */
export interface Condition {
  field: string;
  op: string;
  value: string;
}

export interface FilterForm {
  match: 'all' | 'any';
  conditions: Condition[];
}

export const FIELDS = [
  'tags',
  'consent_status',
  'first_name',
  'last_name',
  'email',
  'phone_number',
  'created_at',
  'last_interaction',
  'total_messages_received',
  'total_messages_sent',
  'custom',
] as const;

const TEXT = ['eq', 'ne', 'starts_with', 'contains', 'in', 'exists'];

/** Operators that a field takes (as the server lists them). */
export function operatorsOf(field: string): readonly string[] {
  if (field === 'tags') {
    return ['has', 'has_any', 'has_all', 'has_none', 'exists'];
  }
  if (field === 'consent_status') {
    return ['eq', 'ne'];
  }
  if (field.startsWith('total_')) {
    return ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'];
  }
  if (field.endsWith('_at') || field === 'last_interaction') {
    return ['within_days', 'older_than_days', 'after', 'before', 'exists'];
  }
  return field.startsWith('custom') ? [...TEXT, 'gt', 'lt'] : TEXT;
}

const LISTS = ['in', 'not_in', 'has_any', 'has_all', 'has_none'];
const NUMBERS = ['gt', 'gte', 'lt', 'lte'];

/** What is typed has to become for the server; null: it is not filled in, or not of its kind. */
function valueOf(condition: Condition): boolean | number | string | string[] | null {
  const text = condition.value.trim();
  if (condition.op === 'exists') {
    return text !== 'false';
  }
  if (text === '') {
    return null;
  }
  if (LISTS.includes(condition.op)) {
    const items = text
      .split(',')
      .map(item => item.trim())
      .filter(item => item !== '');
    return items.length > 0 ? items : null;
  }
  if (condition.op.endsWith('_days') || condition.field.startsWith('total_')) {
    return /^\d{1,6}$/.test(text) ? Number(text) : null;
  }
  if (condition.op === 'before' || condition.op === 'after') {
    const at = Date.parse(text);
    return Number.isNaN(at) ? null : new Date(at).toISOString();
  }
  if (NUMBERS.includes(condition.op)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : null;
  }
  return text;
}

/** The filter of the API; null while a line is not filled in. No line: everybody. */
export function filterOf(form: FilterForm): object | null {
  if (form.conditions.length === 0) {
    return {};
  }
  const parts = form.conditions.map(condition => ({ condition, value: valueOf(condition) }));
  if (parts.some(part => part.value === null || part.condition.field === 'custom_fields.' || part.condition.field === 'custom')) {
    return null;
  }
  return { [form.match]: parts.map(part => ({ field: part.condition.field, op: part.condition.op, value: part.value })) };
}

/** The form for a filter that it can show; null: it is more than the form can say, and is edited as JSON. */
export function formOf(filter: unknown): FilterForm | null {
  if (filter === null || typeof filter !== 'object') {
    return null;
  }
  const members = Object.entries(filter);
  if (members.length === 0) {
    return { match: 'all', conditions: [] };
  }
  const only = members[0];
  const lines =
    members.length === 1 && only && (only[0] === 'all' || only[0] === 'any') && Array.isArray(only[1])
      ? (only[1] as unknown[])
      : [filter];
  const conditions: Condition[] = [];
  for (const line of lines) {
    const { field, op = 'eq', value = true } = (line ?? {}) as { field?: unknown; op?: string; value?: unknown };
    if (typeof field !== 'string' || (typeof value === 'object' && !Array.isArray(value))) {
      return null;
    }
    conditions.push({ field, op, value: Array.isArray(value) ? value.join(', ') : String(value) });
  }
  return { match: only?.[0] === 'any' ? 'any' : 'all', conditions };
}
