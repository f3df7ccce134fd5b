export interface Histogram {
  observe(labels: string, seconds: number): void;
  /** Lines of the text format. */
  render(): string[];
}

/** Seconds, from a health check to the longest jobs. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800];

interface Series {
  /** How many were at most as long as the bucket of the same place, and not as the one before. */
  counts: number[];
  sum: number;
  total: number;
}

/** @param labels of a series are given written out: `method="GET",path="/run"`. */
export function createHistogram(name: string, help: string): Histogram {
  const series = new Map<string, Series>();
  return {
    observe(labels, seconds) {
      const known = series.get(labels) ?? { counts: BUCKETS.map(() => 0), sum: 0, total: 0 };
      const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
      if (bucket >= 0) known.counts[bucket] = (known.counts[bucket] ?? 0) + 1;
      known.sum += seconds;
      known.total += 1;
      series.set(labels, known);
    },
    render: () => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...[...series].flatMap(([labels, known]) => renderSeries(name, labels, known)),
    ],
  };
}

function renderSeries(name: string, labels: string, { counts, sum, total }: Series): string[] {
  const prefix = labels === "" ? "" : `${labels},`;
  const braces = labels === "" ? "" : `{${labels}}`;
  let below = 0;
  const buckets = BUCKETS.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${prefix}le="${bound}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${prefix}le="+Inf"} ${total}`,
    `${name}_sum${braces} ${sum}`,
    `${name}_count${braces} ${total}`,
  ];
}
