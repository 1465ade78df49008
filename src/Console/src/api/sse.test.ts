import { describe, expect, it } from 'vitest';
import { FrameReader, waitBefore } from './sse';

describe('server-sent events', () => {
  it('are read whole, however they are cut', () => {
    const text =
      'retry: 2000\n\nid: 7\nevent: message\ndata: {"a":1}\n\n: ping\n\nid: 8\r\nevent: note\r\ndata: x\r\ndata: y\r\n\r\n';
    for (let size = 1; size <= text.length; size += 3) {
      const reader = new FrameReader();
      const frames = [];
      for (let at = 0; at < text.length; at += size) {
        frames.push(...reader.push(text.slice(at, at + size)));
      }
      expect(frames).toEqual([
        { id: '7', event: 'message', data: '{"a":1}' },
        { id: '8', event: 'note', data: 'x\ny' },
      ]);
    }
  });

  it('keep the last id for frames that have none', () => {
    const reader = new FrameReader();
    expect(reader.push('id: 1\ndata: a\n\ndata: b\n\n').map(frame => frame.id)).toEqual(['1', '1']);
  });

  it('forget half a frame when the line breaks', () => {
    const reader = new FrameReader();
    reader.push('event: x\ndata: {"half');
    reader.reset();
    expect(reader.push('data: whole\n\n')).toEqual([{ id: null, event: 'message', data: 'whole' }]);
  });

  it('come back ever more slowly, with a bound, and not all at once', () => {
    expect(waitBefore(0, 2000, 0)).toBe(1000);
    expect(waitBefore(0, 2000, 1)).toBe(2000);
    expect(waitBefore(50, 2000, 1)).toBe(15_000);
  });
});
