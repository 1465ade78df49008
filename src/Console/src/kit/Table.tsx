import type { ReactNode } from 'react';
import { useI18n } from '../i18n/I18n';
import { cx } from '../lib/cx';
import { Button } from './Button';

export interface Column<T> {
  key: string;
  head: string;
  cell: (row: T) => ReactNode;
  /** Numbers stand at the end of their column. */
  end?: boolean;
  /** Left out where the page is narrow. */
  wide?: boolean;
}

export interface TableProps<T> {
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T, index: number) => string;
  onRow?: (row: T) => void;
  empty?: ReactNode;
  more?: { has: boolean; busy: boolean; load: () => void };
}

export function Table<T>({ caption, columns, rows, keyOf, onRow, empty, more }: TableProps<T>) {
  const { t } = useI18n();
  if (rows.length === 0 && empty) {
    return <>{empty}</>;
  }
  return (
    <div className="table-box">
      <table className="table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(c => (
              <th key={c.key} scope="col" className={cx(c.end && 'end', c.wide && 'wide-only')}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={keyOf(row, index)} className={onRow && 'table-row-link'} onClick={onRow && (() => onRow(row))}>
              {columns.map(c => (
                <td key={c.key} className={cx(c.end && 'end', c.wide && 'wide-only')}>
                  {c.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more?.has && (
        <div className="table-more">
          <Button small busy={more.busy} onClick={more.load}>
            {t('common.more')}
          </Button>
        </div>
      )}
    </div>
  );
}

export interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

export const moreOf = (list: Paged) => ({
  has: list.hasNextPage,
  busy: list.isFetchingNextPage,
  load: () => void list.fetchNextPage(),
});
