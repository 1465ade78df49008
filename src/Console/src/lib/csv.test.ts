import { describe, expect, it } from 'vitest';
import { csvLine, guessDelimiter, guessMapping, mappingFaults, parseCsv } from './csv';

describe('CSV', () => {
  it('reads quotes, line ends of each kind and a byte order mark', () => {
    expect(parseCsv('\ufeffa,b\r\n"x, ""y""","1\n2"\r3,\n', ',', 9)).toEqual([
      ['a', 'b'],
      ['x, "y"', '1\n2'],
      ['3', ''],
    ]);
  });

  it('stops after the rows that are wanted, and keeps the last one without a line end', () => {
    expect(parseCsv('a\nb\nc', ',', 2)).toEqual([['a'], ['b']]);
    expect(parseCsv('a;b', ';', 5)).toEqual([['a', 'b']]);
    expect(parseCsv('', ',', 5)).toEqual([]);
  });

  it('guesses the separator by the first line alone', () => {
    expect(guessDelimiter('a;b;c\n1,2,3,4,5')).toBe(';');
    expect(guessDelimiter('a\tb')).toBe('\t');
    expect(guessDelimiter('"a;b;c",d')).toBe(',');
  });

  it('maps columns of several languages, and none twice', () => {
    expect(guessMapping(['Phone', 'First Name', 'Teléfono', 'City', ''])).toEqual({
      Phone: 'phone_number',
      'First Name': 'first_name',
      Teléfono: 'custom.teléfono',
      City: 'custom.city',
      '': 'ignore',
    });
    expect(guessMapping(['هاتف', 'नाम'])).toEqual({ هاتف: 'phone_number', नाम: 'first_name' });
    expect(guessMapping(['phone_number', 'custom.city'])).toEqual({ phone_number: 'phone_number', 'custom.city': 'custom.city' });
  });

  it('names what is wrong with a mapping', () => {
    expect(mappingFaults(['a', 'b'], { a: 'phone_number', b: 'ignore' })).toEqual([]);
    expect(mappingFaults(['a', 'b'], { a: 'first_name', b: 'first_name' })).toEqual(['no_identity', 'duplicate']);
    expect(mappingFaults(['a', 'A '], { a: 'phone_number', 'A ': 'custom.' })).toEqual(['bad_custom', 'duplicate_header']);
  });

  it('writes cells that no spreadsheet takes for a formula', () => {
    expect(csvLine(['=1+1', '+49 123', '-5.00', 'a,"b"', null, 7])).toBe(`'=1+1,'+49 123,-5.00,"a,""b""",,7\r\n`);
  });
});
