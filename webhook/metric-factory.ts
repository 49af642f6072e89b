import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Seconds; 0.025 is where the promise for the 99th percentile is. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Makes one kind of metric each; a name gets the prefix of this program. */
interface MetricFactory {
  readonly counter: <L extends string>(name: string, help: string, labelNames?: readonly L[]) => Counter<L>
  readonly gauge: <L extends string>(name: string, help: string, labelNames?: readonly L[]) => Gauge<L>
  readonly histogram: <L extends string>(name: string, help: string, labelNames?: readonly L[]) => Histogram<L>
}

/** Makes metrics of this program in one registry; histograms are of seconds. */
export function metricFactory(registry: Registry): MetricFactory {
  const common = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
  ): { name: string; help: string; labelNames: readonly L[]; registers: Registry[] } => ({
    name: `lockkeeper_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  return {
    counter: (name, help, labelNames = []) => new Counter(common(name, help, labelNames)),
    gauge: (name, help, labelNames = []) => new Gauge(common(name, help, labelNames)),
    histogram: (name, help, labelNames = []) =>
      new Histogram({ ...common(name, help, labelNames), buckets: DURATION_BUCKETS }),
  }
}
