import { describe, expect, it } from 'vitest';
import { draftOf, keepDraft } from './drafts';

describe('what was begun to be written', () => {
  it('is there again for whoever wrote it, where they wrote it, until it is sent', () => {
    keepDraft('ann', 'c1', 'Half a');
    keepDraft('ann', 'c1', 'Half a sentence');
    expect(draftOf('ann', 'c1')).toBe('Half a sentence');
    expect(draftOf('ann', 'c2')).toBe('');
    expect(draftOf('ben', 'c1')).toBe('');
    keepDraft('ann', 'c1', '');
    expect(draftOf('ann', 'c1')).toBe('');
  });

  it('is kept of fifty conversations', () => {
    for (let i = 0; i < 51; i++) {
      keepDraft('ann', `many${i}`, 'x');
    }
    expect(draftOf('ann', 'many0')).toBe('');
    expect(draftOf('ann', 'many1')).toBe('x');
    expect(draftOf('ann', 'many50')).toBe('x');
  });
});
