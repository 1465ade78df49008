import type { DragEvent } from 'react';
import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { request } from '../../api/client';
import { useMaybe } from '../../api/hooks';
import type { Import, Page as Paged } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Card, Fault, Page } from '../../kit/Page';
import { Table } from '../../kit/Table';
import { cx } from '../../lib/cx';
import { guessDelimiter, guessMapping, IMPORT_COLUMNS, mappingFaults, parseCsv } from '../../lib/csv';
import { ContactsNav } from './ContactsArea';

/** So much of a file is looked at for its columns; all of it is sent. */
const HEAD_BYTES = 256 * 1024;
const SHOWN_ROWS = 6;

interface Chosen {
  file: File;
  head: string;
}

export function ImportPage() {
  const { t } = useI18n();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const take = async (file: File | undefined) => {
    if (!file) {
      return;
    }
    try {
      setFault(null);
      setChosen({ file, head: await file.slice(0, HEAD_BYTES).text() });
    } catch (refused) {
      setFault(refused);
    }
  };
  return (
    <Page title={t('imports.title')} lead={t('imports.lead')}>
      <ContactsNav />
      {chosen ? (
        <Mapping key={chosen.file.name + chosen.file.lastModified} chosen={chosen} onOther={() => setChosen(null)} />
      ) : (
        <Drop onFile={file => void take(file)} />
      )}
      <Fault fault={fault} />
      {!chosen && <Earlier />}
    </Page>
  );
}

function Drop({ onFile }: { onFile: (file: File | undefined) => void }) {
  const { t } = useI18n();
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return (
    <div
      className={cx('drop', over && 'drop-over')}
      onDragOver={event => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      onClick={() => input.current?.click()}
    >
      <div className="strong">{t('imports.drop')}</div>
      <div className="muted">{t('imports.drop_text')}</div>
      <label className="button button-primary" onClick={event => event.stopPropagation()}>
        {t('imports.choose')}
        <input
          ref={input}
          type="file"
          accept=".csv,text/csv,text/plain"
          className="visually-hidden"
          onChange={event => onFile(event.target.files?.[0])}
        />
      </label>
    </div>
  );
}

function Mapping({ chosen, onOther }: { chosen: Chosen; onOther: () => void }) {
  const { t, word, number } = useI18n();
  const navigate = useNavigate();
  const [delimiter, setDelimiter] = useState(() => guessDelimiter(chosen.head));
  const rows = parseCsv(chosen.head, delimiter, SHOWN_ROWS + 1);
  const headers = rows[0] ?? [];
  const key = headers.join('\u0000');
  const [mappings, setMappings] = useState<Record<string, Record<string, string>>>({});
  const mapping = mappings[key] ?? guessMapping(headers);
  const [source, setSource] = useState('import');
  const [proof, setProof] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const faults = mappingFaults(headers, mapping);
  const set = (header: string, target: string) => setMappings({ ...mappings, [key]: { ...mapping, [header]: target } });

  const send = async () => {
    setBusy(true);
    setFault(null);
    try {
      const response = await request('POST', '/v1/contacts/import', chosen.file, {
        query: {
          map: JSON.stringify(mapping),
          unknown: 'ignore',
          consent_source: source,
          consent_proof: proof,
          delimiter: delimiter === ',' ? null : delimiter === ';' ? 'semicolon' : 'tab',
        },
        headers: { 'Content-Type': 'text/csv' },
      });
      const started = (await response.json()) as { id: string };
      await navigate(`/contacts/imports/${started.id}`);
    } catch (refused) {
      setFault(refused);
      setBusy(false);
    }
  };

  return (
    <>
      <Card
        title={<bdi>{chosen.file.name}</bdi>}
        actions={
          <Button small onClick={onOther}>
            {t('imports.other_file')}
          </Button>
        }
      >
        <div className="form-grid">
          <Select
            label={t('imports.delimiter')}
            value={delimiter}
            onChange={event => setDelimiter(event.target.value)}
            choices={[
              { value: ',', label: t('imports.comma') },
              { value: ';', label: t('imports.semicolon') },
              { value: '\t', label: t('imports.tab') },
            ]}
          />
          <TextField
            label={t('contacts.source')}
            hint={t('contacts.source_hint')}
            value={source}
            maxLength={100}
            onChange={event => setSource(event.target.value)}
          />
          <TextField label={t('contacts.proof')} value={proof} maxLength={500} onChange={event => setProof(event.target.value)} />
        </div>
        <p className="muted">{t('imports.size', { size: number(Math.ceil(chosen.file.size / 1024)) })}</p>
      </Card>
      <Card flush title={t('imports.columns')}>
        <div className="table-box">
          <table className="table">
            <caption className="visually-hidden">{t('imports.columns')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('imports.in_file')}</th>
                <th scope="col">{t('imports.becomes')}</th>
                <th scope="col">{t('audience.sample')}</th>
              </tr>
            </thead>
            <tbody>
              {headers.map((header, i) => {
                const target = mapping[header] ?? 'ignore';
                const custom = target.startsWith('custom.');
                return (
                  <tr key={`${header}-${i}`}>
                    <td>
                      <bdi className="strong">{header}</bdi>
                    </td>
                    <td className="mapping-cell">
                      <Select
                        label={t('imports.becomes')}
                        hideLabel
                        value={custom ? 'custom.' : target}
                        onChange={event =>
                          set(
                            header,
                            event.target.value === 'custom.' ? `custom.${header.trim().toLowerCase()}` : event.target.value,
                          )
                        }
                        choices={[
                          ...IMPORT_COLUMNS.map(value => ({ value, label: word('field', value) })),
                          { value: 'custom.', label: word('field', 'custom') },
                          { value: 'ignore', label: t('imports.ignore') },
                        ]}
                      />
                      {custom && (
                        <TextField
                          label={t('audience.custom_key')}
                          hideLabel
                          value={target.slice(7)}
                          maxLength={64}
                          onChange={event => set(header, `custom.${event.target.value}`)}
                        />
                      )}
                    </td>
                    <td className="muted">
                      <bdi>
                        {rows
                          .slice(1, 4)
                          .map(row => row[i])
                          .filter(Boolean)
                          .join(' · ')}
                      </bdi>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Card>
      {faults.map(one => (
        <div key={one} className="notice notice-warn" role="alert">
          {t(`imports.fault_${one}`)}
        </div>
      ))}
      <Fault fault={fault} />
      <div>
        <Button look="primary" busy={busy} disabled={faults.length > 0 || headers.length === 0} onClick={() => void send()}>
          {t('imports.start')}
        </Button>
      </div>
    </>
  );
}

function Earlier() {
  const { t, number, time, word } = useI18n();
  const navigate = useNavigate();
  const list = useMaybe<Paged<Import>>('/v1/imports', { query: { limit: 50 } });
  if (!list.data || list.data.data.length === 0) {
    return null;
  }
  return (
    <Card flush title={t('imports.earlier')}>
      <Table
        caption={t('imports.earlier')}
        rows={list.data.data}
        keyOf={row => row.id}
        onRow={row => void navigate(`/contacts/imports/${row.id}`)}
        columns={[
          { key: 'at', head: t('common.time'), cell: row => time(row.created_at) },
          {
            key: 'status',
            head: t('common.status'),
            cell: row => <Badge tone={toneOf(row.status)}>{word('status', row.status)}</Badge>,
          },
          { key: 'rows', head: t('imports.rows'), end: true, cell: row => number(row.done) },
          { key: 'rejected', head: t('imports.rejected'), end: true, cell: row => number(row.rejected) },
        ]}
      />
    </Card>
  );
}
