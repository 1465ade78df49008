export type Role = 'viewer' | 'agent' | 'manager' | 'admin' | 'super_admin';

const ORDER: readonly string[] = ['viewer', 'agent', 'manager', 'admin', 'super_admin'];

export const ROLES: readonly Role[] = ['viewer', 'agent', 'manager', 'admin'];

/** Whether a role is at least another. It decides what is shown; what is allowed the server decides. */
export function atLeast(role: string | null | undefined, least: Role): boolean {
  return role !== null && role !== undefined && ORDER.includes(role) && ORDER.indexOf(role) >= ORDER.indexOf(least);
}
