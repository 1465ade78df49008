import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../../app/theme';
import { useI18n } from '../../i18n/I18n';

export interface Series {
  label: string;
  /** Name of a colour of the theme, such as `--accent`. */
  color: string;
  values: (number | null)[];
}

const HEIGHT = 300;

/** Lines over time. What it shows stands in a table beside it, for whoever cannot see it. */
export function Chart({ times, series, label }: { times: number[]; series: readonly Series[]; label: string }) {
  const { t, locale, number } = useI18n();
  const { theme } = useTheme();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    // As it comes out here: the theme's own words (light-dark) mean nothing to a canvas.
    const color = (name: string) => {
      element.style.color = `var(${name})`;
      const shown = getComputedStyle(element).color;
      element.style.removeProperty('color');
      return shown;
    };
    const axis = {
      stroke: color('--text-2'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1 },
    };
    const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        tzDate: at => uPlot.tzDate(new Date(at * 1000), 'UTC'),
        legend: { live: true },
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map(at => day.format(at * 1000)) },
          { ...axis, size: 64, values: (_, ticks) => ticks.map(value => number(value)) },
        ],
        series: [
          { label: t('common.date'), value: (_, at) => (at === null ? '' : day.format(at * 1000)) },
          ...series.map(one => ({
            label: one.label,
            stroke: color(one.color),
            width: 2,
            points: { show: times.length < 40 },
            value: (_: uPlot, value: number | null) => number(value),
          })),
        ],
      },
      [times, ...series.map(one => one.values)] as uPlot.AlignedData,
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [times, series, t, locale, number, theme]);
  // Time goes from left to right in charts of every language.
  return <div ref={box} className="chart" dir="ltr" role="img" aria-label={label} />;
}
