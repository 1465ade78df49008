using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Bsp.Api.Operations;

/// <summary>Keeps what our meters (<c>Bsp*</c>), Kestrel's requests, Npgsql and the runtime report, and writes it as Prometheus text.</summary>
public sealed class Metrics : IDisposable
{
    // More label combinations than this are dropped and counted: a label that grows without bound must not take the memory.
    private const int SeriesMax = 5_000;
    private static readonly double[] BucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly MeterListener listener = new();
    private readonly ConcurrentDictionary<(string Name, string Labels), Series> series = new();
    private long dropped;

    /// <summary>Begins to listen; instruments made later are heard as well.</summary>
    public void Start()
    {
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name.StartsWith("Bsp", StringComparison.Ordinal) || instrument.Meter.Name is "Npgsql" or "System.Runtime" || instrument.Name is "http.server.request.duration" or "http.server.active_requests")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Record(i, value, tags));
        listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Record(i, value, tags));
        listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Record(i, value, tags));
        listener.SetMeasurementEventCallback<float>((i, value, tags, _) => Record(i, value, tags));
        listener.Start();
    }

    /// <summary>Prometheus text format 0.0.4.</summary>
    public string Write()
    {
        listener.RecordObservableInstruments();
        var text = new StringBuilder();
        foreach (var metric in series.GroupBy(pair => pair.Key.Name).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {metric.Key} {metric.First().Value.Kind}\n");
            foreach (var ((name, labels), one) in metric.OrderBy(pair => pair.Key.Labels, StringComparer.Ordinal))
            {
                one.Write(text, name, labels);
            }
        }

        return text.Append(CultureInfo.InvariantCulture, $"# TYPE bsp_metrics_dropped_total counter\nbsp_metrics_dropped_total {Interlocked.Read(ref dropped)}\n").ToString();
    }

    public void Dispose() => listener.Dispose();

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var kind = instrument.GetType().Name switch
        {
            var n when n.StartsWith("Histogram", StringComparison.Ordinal) => "histogram",
            var n when n.StartsWith("Counter", StringComparison.Ordinal) || n.StartsWith("ObservableCounter", StringComparison.Ordinal) => "counter",
            _ => "gauge",
        };
        var name = instrument.Name.Replace('.', '_').Replace('-', '_') + (kind == "counter" ? "_total" : "");
        var key = (name, Labels(tags));
        if (!series.TryGetValue(key, out var one))
        {
            if (series.Count >= SeriesMax)
            {
                Interlocked.Increment(ref dropped);
                return;
            }

            one = series.GetOrAdd(key, _ => new Series(kind));
        }

        one.Add(value, absolute: instrument.IsObservable || instrument.GetType().Name.StartsWith("Gauge", StringComparison.Ordinal));
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new StringBuilder();
        foreach (var tag in tags)
        {
            var value = Convert.ToString(tag.Value, CultureInfo.InvariantCulture)?.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
            labels.Append(labels.Length == 0 ? "" : ",").Append(tag.Key.Replace('.', '_').Replace('-', '_')).Append("=\"").Append(value).Append('"');
        }

        return labels.ToString();
    }

    private sealed class Series(string kind)
    {
        private readonly Lock gate = new();
        private readonly long[] buckets = new long[BucketsSeconds.Length];
        private double sum;
        private long count;

        public string Kind => kind;

        public void Add(double value, bool absolute)
        {
            lock (gate)
            {
                sum = absolute ? value : sum + value;
                count++;
                for (var i = 0; kind == "histogram" && i < buckets.Length; i++)
                {
                    buckets[i] += value <= BucketsSeconds[i] ? 1 : 0;
                }
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            var braces = labels.Length == 0 ? "" : $"{{{labels}}}";
            lock (gate)
            {
                if (kind != "histogram")
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}{braces} {sum}\n");
                    return;
                }

                var more = labels.Length == 0 ? "" : labels + ",";
                for (var i = 0; i < buckets.Length; i++)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{more}le=\"{BucketsSeconds[i]}\"}} {buckets[i]}\n");
                }

                text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{more}le=\"+Inf\"}} {count}\n{name}_sum{braces} {sum}\n{name}_count{braces} {count}\n");
            }
        }
    }
}
