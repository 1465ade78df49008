const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  campaigns: 'M4 11v3l11 4V7L4 11zm11-4l4-2v15l-4-2M7 15v4h3v-3',
  inbox: 'M4 5h16v11h-5l-3 3-3-3H4z',
  contacts: 'M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zm-6 9c0-4 2.5-6 6-6s6 2 6 6M16 5a3 3 0 010 6m2 3c2 .8 3 2.800 3 6',
  templates: 'M5 4h14v16H5zM8 8h8M8 12h8M8 16h4',
  money: 'M3 7h18v11H3zM3 11h18M7 15h3',
  analytics: 'M4 20V4M4 20h16M8 16v-5m4 5V8m4 8v-3',
  webhooks: 'M8 8a4 4 0 118 0c0 2-2 3-3 6M6 12a4 4 0 103 6h6m3 2a4 4 0 10-3-6',
  team: 'M12 11a4 4 0 100-8 4 4 0 000 8zm-8 10c0-5 3.500-7 8-7s8 2 8 7',
  settings:
    'M12 9a3 3 0 100 6 3 3 0 000-6zm0-6v3m0 12v3M3 12h3m12 0h3M5.600 5.600l2.100 2.100m8.600 8.600l2.100 2.100m0-12.800l-2.100 2.100m-8.600 8.600l-2.100 2.100',
  operations: 'M4 5h16v5H4zm0 9h16v5H4zM8 7.500h.01M8 16.500h.01',
  search: 'M10.500 17a6.500 6.500 0 100-13 6.500 6.500 0 000 13zm5-1.500L20 20',
  plus: 'M12 5v14M5 12h14',
  check: 'M5 13l4 4L19 7',
  double: 'M2 13l4 4L15 8M11 16l1 1L22 7',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zm0-13v4l3 2',
  warn: 'M12 4l9 16H3zM12 10v4m0 3h.01',
  sun:
    'M12 16a4 4 0 100-8 4 4 0 000 8zm0-13v2m0 14v2M3 12h2m14 0h2' +
    'M5.500 5.500l1.500 1.500m10 10l1.500 1.500m0-13l-1.500 1.500m-10 10l-1.500 1.500',
  moon: 'M20 14a8 8 0 01-10-10 8 8 0 1010 10z',
  send: 'M4 12l16-8-5 16-3-7z',
  attach: 'M18 9l-7 7a3 3 0 01-4-4l7-7a4.500 4.500 0 016 6l-8 8a6 6 0 01-8-8l6-6',
  note: 'M5 4h14v10l-5 6H5zM14 20v-6h5',
  menu: 'M4 7h16M4 12h16M4 17h16',
  key: 'M8 15a4 4 0 100-8 4 4 0 000 8zm4-4h9m-3 0v4',
} as const;

export type IconName = keyof typeof PATHS;

/** Drawn in the colour of the text; never the only thing that says something. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg viewBox="0 0 24 24" className={className ? `icon ${className}` : 'icon'} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
