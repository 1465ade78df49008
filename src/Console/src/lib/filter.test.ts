import { describe, expect, it } from 'vitest';
import { filterOf, formOf } from './filter';

describe('the audience form', () => {
  it('makes the filter that the server takes', () => {
    expect(
      filterOf({
        match: 'any',
        conditions: [
          { field: 'tags', op: 'has_any', value: ' vip, new ,' },
          { field: 'last_interaction', op: 'within_days', value: '30' },
          { field: 'custom_fields.city', op: 'eq', value: 'Cairo' },
          { field: 'email', op: 'exists', value: 'false' },
        ],
      }),
    ).toEqual({
      any: [
        { field: 'tags', op: 'has_any', value: ['vip', 'new'] },
        { field: 'last_interaction', op: 'within_days', value: 30 },
        { field: 'custom_fields.city', op: 'eq', value: 'Cairo' },
        { field: 'email', op: 'exists', value: false },
      ],
    });
  });

  it('is everybody without a line, and nothing while a line is not filled in', () => {
    expect(filterOf({ match: 'all', conditions: [] })).toEqual({});
    expect(filterOf({ match: 'all', conditions: [{ field: 'tags', op: 'has', value: ' ' }] })).toBeNull();
    expect(filterOf({ match: 'all', conditions: [{ field: 'custom_fields.', op: 'eq', value: 'x' }] })).toBeNull();
    expect(filterOf({ match: 'all', conditions: [{ field: 'total_messages_sent', op: 'gt', value: '1.5' }] })).toBeNull();
  });

  it('shows a stored filter again, and says when it cannot', () => {
    const filter = {
      all: [
        { field: 'tags', op: 'has', value: 'vip' },
        { field: 'email', op: 'exists', value: true },
      ],
    };
    expect(filterOf(formOf(filter)!)).toEqual(filter);
    expect(formOf({ not: { field: 'tags', op: 'has', value: 'x' } })).toBeNull();
    expect(formOf({ all: [{ any: [] }] })).toBeNull();
    expect(formOf('nonsense')).toBeNull();
  });
});
