import type { Options } from '../api/client';
import { request } from '../api/client';

/** Saves a file under a name. */
export function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Fetches with the session and the chosen organization, and saves. */
export async function download(path: string, name: string, accept: string, options: Options = {}): Promise<void> {
  const response = await request('GET', path, null, { ...options, headers: { ...options.headers, Accept: accept } });
  save(await response.blob(), name);
}
