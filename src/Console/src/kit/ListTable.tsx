import { Problem } from '../api/problem';
import { Fault, Loading } from './Page';
import type { Paged, TableProps } from './Table';
import { moreOf, Table } from './Table';

/** As useList answers it. */
interface List<T> extends Paged {
  rows: T[];
  data: T[] | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

interface Props<T> extends Omit<TableProps<T>, 'rows' | 'more'> {
  list: List<T>;
}

/**
 * A list of the server's, page by page: waits for it, says what went wrong with it, shows it. What was read once stays while the server is
 * away; the frame says so.
 */
export function ListTable<T>({ list, ...table }: Props<T>) {
  if (list.isPending) {
    return <Loading />;
  }
  const away = list.error instanceof Problem && list.error.away;
  return (
    <>
      {list.error && !(away && list.data) ? <Fault fault={list.error} retry={() => void list.refetch()} /> : null}
      {list.data && <Table {...table} rows={list.rows} more={moreOf(list)} />}
    </>
  );
}
