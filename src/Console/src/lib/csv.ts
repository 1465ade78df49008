/** Rows of CSV text (RFC 4180), at most `rowsMax`: the browser reads the beginning of a file to show it, the server all of it. */
export function parseCsv(text: string, delimiter: string, rowsMax: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const input = text.replace(/^\ufeff/, '');
  const end = () => {
    row.push(cell);
    cell = '';
    if (row.length > 1 || row[0] !== '') {
      rows.push(row);
    }
    row = [];
  };
  for (let i = 0; i < input.length && rows.length < rowsMax; i++) {
    const char = input[i];
    if (quoted) {
      if (char !== '"') {
        cell += char;
      } else if (input[i + 1] === '"') {
        cell += '"';
        i++;
      } else {
        quoted = false;
      }
    } else if (char === '"' && cell === '') {
      quoted = true;
    } else if (char === delimiter) {
      row.push(cell);
      cell = '';
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && input[i + 1] === '\n') {
        i++;
      }
      end();
    } else {
      cell += char;
    }
  }
  if (rows.length < rowsMax && (cell !== '' || row.length > 0)) {
    end();
  }
  return rows;
}

export const DELIMITERS = [',', ';', '\t'] as const;

/** The separator that the first line has most of. */
export function guessDelimiter(text: string): string {
  const first = text.replace(/^\ufeff/, '').split(/\r|\n/, 1)[0] ?? '';
  const count = (delimiter: string) => parseCsv(first, delimiter, 1)[0]?.length ?? 0;
  return [...DELIMITERS].sort((a, b) => count(b) - count(a))[0] ?? ',';
}

/** Columns that an import takes, beside `custom.<key>`. */
export const IMPORT_COLUMNS = [
  'phone_number',
  'wa_user_id',
  'first_name',
  'last_name',
  'email',
  'tags',
  'consent_status',
  'custom_fields',
] as const;

const KNOWN: Record<string, string> = {
  phone: 'phone_number',
  telephone: 'phone_number',
  mobile: 'phone_number',
  number: 'phone_number',
  whatsapp: 'phone_number',
  phonenumber: 'phone_number',
  mobilenumber: 'phone_number',
  telefono: 'phone_number',
  movil: 'phone_number',
  celular: 'phone_number',
  هاتف: 'phone_number',
  الهاتف: 'phone_number',
  رقمالهاتف: 'phone_number',
  फ़ोन: 'phone_number',
  मोबाइल: 'phone_number',
  firstname: 'first_name',
  name: 'first_name',
  givenname: 'first_name',
  nombre: 'first_name',
  الاسم: 'first_name',
  नाम: 'first_name',
  lastname: 'last_name',
  surname: 'last_name',
  familyname: 'last_name',
  apellido: 'last_name',
  apellidos: 'last_name',
  mail: 'email',
  emailaddress: 'email',
  correo: 'email',
  tag: 'tags',
  labels: 'tags',
  etiquetas: 'tags',
  consent: 'consent_status',
};

/** What a column is probably meant to be: one of ours, `custom.<key>`, or `ignore` for a column without a name. */
export function guessColumn(header: string): string {
  const trimmed = header.trim().toLowerCase();
  if ((IMPORT_COLUMNS as readonly string[]).includes(trimmed) || /^custom\.\S/.test(trimmed)) {
    return trimmed;
  }
  const folded = trimmed
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .replace(/[\s_\-.]/g, '');
  if (KNOWN[folded]) {
    return KNOWN[folded];
  }
  const key = trimmed
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 60);
  return key ? `custom.${key}` : 'ignore';
}

/** The same column is never guessed twice: the first keeps it, a later one is kept under its own name. */
export function guessMapping(headers: readonly string[]): Record<string, string> {
  const taken = new Set<string>();
  return Object.fromEntries(
    headers.map(header => {
      let guess = guessColumn(header);
      if (taken.has(guess) && guess !== 'ignore') {
        const own = `custom.${header
          .trim()
          .toLowerCase()
          .replace(/[^\p{L}\p{N}]+/gu, '_')}`;
        guess = taken.has(own) || own === 'custom.' ? 'ignore' : own;
      }
      taken.add(guess);
      return [header, guess];
    }),
  );
}

export type MappingFault = 'no_identity' | 'duplicate' | 'bad_custom' | 'duplicate_header';

/** What is wrong with a mapping before anything is sent; empty: nothing. */
export function mappingFaults(headers: readonly string[], mapping: Record<string, string>): MappingFault[] {
  const targets = headers.map(header => mapping[header] ?? 'ignore').filter(target => target !== 'ignore');
  const faults: MappingFault[] = [];
  if (!targets.includes('phone_number') && !targets.includes('wa_user_id')) {
    faults.push('no_identity');
  }
  if (new Set(targets).size !== targets.length) {
    faults.push('duplicate');
  }
  if (targets.some(target => target.startsWith('custom.') && target.length === 'custom.'.length)) {
    faults.push('bad_custom');
  }
  if (new Set(headers.map(header => header.trim().toLowerCase())).size !== headers.length) {
    faults.push('duplicate_header');
  }
  return faults;
}

/** Cells for a CSV that spreadsheets open: what could be read as a formula gets an apostrophe. */
export function csvLine(cells: readonly (string | number | null | undefined)[]): string {
  return (
    cells
      .map(cell => {
        const text = cell === null || cell === undefined ? '' : String(cell);
        const safe = typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d[\d.]*$/.test(text) ? `'${text}` : text;
        return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
      })
      .join(',') + '\r\n'
  );
}
