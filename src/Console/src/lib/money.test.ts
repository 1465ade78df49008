import { describe, expect, it } from 'vitest';
import { formatMoney, fromMicros, isNegative, latinDigits, readAmount, sum, toMicros } from './money';

const plain = (text: string) => text.replace(/[\u00a0\u202f\u200e\u200f\u061c]/g, ' ').trim();

describe('money', () => {
  it('keeps six places without a binary fraction', () => {
    expect(sum(['0.100000', '0.200000'])).toBe('0.300000');
    expect(sum(Array.from({ length: 1000 }, () => '0.006600'))).toBe('6.600000');
    expect(sum(['9007199254740993.000001', '0.000001'])).toBe('9007199254740993.000002');
    expect(sum(['-0.500000', '0.25'])).toBe('-0.250000');
  });

  it('refuses what is no amount instead of counting it as zero', () => {
    expect(() => sum(['1.0', 'abc'])).toThrow('abc');
    expect(toMicros('1e3')).toBeNull();
    expect(toMicros('0.0000001')).toBeNull();
    expect(toMicros('')).toBeNull();
  });

  it('goes there and back', () => {
    for (const amount of ['0.000001', '-0.000001', '12.340000', '123456789012345678.000000']) {
      expect(fromMicros(toMicros(amount)!)).toBe(amount);
    }
  });

  it('shows at least two places and as many as there are', () => {
    expect(plain(formatMoney('12.340000', 'USD', 'en-US'))).toBe('$12.34');
    expect(plain(formatMoney('0.006600', 'USD', 'en-US'))).toBe('$0.0066');
    expect(plain(formatMoney('-49.000000', 'USD', 'en-US'))).toBe('-$49.00');
    expect(plain(formatMoney('12345678901234567.123456', 'EUR', 'en-US'))).toBe('€12,345,678,901,234,567.123456');
  });

  it('follows the locale', () => {
    expect(plain(formatMoney('1234.5', 'EUR', 'es'))).toBe('1234,50 €');
    expect(formatMoney('1.5', 'INR', 'hi')).toContain('₹');
  });

  it('shows what it does not understand as it stands', () => {
    expect(formatMoney('n/a', 'USD', 'en')).toBe('n/a USD');
    expect(formatMoney('1.00', 'nonsense', 'en')).toBe('1.00 nonsense');
    expect(formatMoney(null, 'USD', 'en')).toBe('–');
  });

  it('reads amounts typed in digits of other scripts, and nothing below or at zero', () => {
    expect(readAmount('١٢٫٥')).toBe('12.500000');
    expect(readAmount('१०० ')).toBe('100.000000');
    expect(readAmount('0')).toBeNull();
    expect(readAmount('-3')).toBeNull();
    expect(readAmount('1,5')).toBeNull();
    expect(latinDigits('۹९٩')).toBe('999');
  });

  it('knows a negative amount, and that minus zero is none', () => {
    expect(isNegative('-0.000001')).toBe(true);
    expect(isNegative('-0.000000')).toBe(false);
  });
});
