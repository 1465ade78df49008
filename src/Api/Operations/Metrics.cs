using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Bsp.Application.Common;

namespace Bsp.Api.Operations;

/// <summary>
/// Keeps what our meters (<c>Bsp*</c>), Kestrel's requests, Npgsql and the runtime report, and writes it as Prometheus text, with every
/// memory and its bound.
/// </summary>
public sealed class Metrics(IEnumerable<IBoundedMemory> memories) : IDisposable
{
    // More label combinations than this are dropped and counted: a label that grows without bound must not take the memory.
    private const int SeriesMax = 5_000;
    private const int LabelCharactersMax = 1_000;
    private static readonly double[] BucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly MeterListener listener = new();
    [Bounded("5,000 series with labels of at most 1,000 characters")]
    private readonly ConcurrentDictionary<(string Name, string Labels), Series> series = new();
    private int kept;
    private long dropped;

    /// <summary>Begins to listen; instruments made later are heard as well.</summary>
    public void Start()
    {
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name.StartsWith("Bsp", StringComparison.Ordinal) || instrument.Meter.Name is "Npgsql" or "System.Runtime"
                || instrument.Name is "http.server.request.duration" or "http.server.active_requests")
            {
                l.EnableMeasurementEvents(instrument, new Known(instrument));
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, known) => Record(value, tags, (Known)known!));
        listener.SetMeasurementEventCallback<int>((_, value, tags, known) => Record(value, tags, (Known)known!));
        listener.SetMeasurementEventCallback<double>((_, value, tags, known) => Record(value, tags, (Known)known!));
        listener.SetMeasurementEventCallback<float>((_, value, tags, known) => Record(value, tags, (Known)known!));
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

        WriteMemories(text, "bsp_memory_bytes", memory => memory.BytesNow);
        WriteMemories(text, "bsp_memory_bytes_max", memory => memory.BytesMax);
        return text.Append(CultureInfo.InvariantCulture,
            $"# TYPE bsp_metrics_dropped_total counter\nbsp_metrics_dropped_total {Interlocked.Read(ref dropped)}\n").ToString();
    }

    public void Dispose() => listener.Dispose();

    private void WriteMemories(StringBuilder text, string name, Func<IBoundedMemory, long> figure)
    {
        text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} gauge\n");
        foreach (var memory in memories.OrderBy(m => m.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}{{memory=\"{memory.Name}\"}} {figure(memory)}\n");
        }
    }

    // Runs for every query and request: the text is made once per series, a known one is found by its tags alone.
    private void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, Known instrument)
    {
        if (!instrument.ByTags.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>().TryGetValue(tags, out var one))
        {
            if (Volatile.Read(ref kept) >= SeriesMax || Longest(tags) > LabelCharactersMax)
            {
                Interlocked.Increment(ref dropped);
                return;
            }

            one = series.GetOrAdd((instrument.Name, Labels(tags)), _ => new Series(instrument.Kind));
            if (instrument.ByTags.TryAdd(tags.ToArray(), one))
            {
                Interlocked.Increment(ref kept);
            }
        }

        one.Add(value, instrument.Absolute);
    }

    private static int Longest(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var longest = 0;
        foreach (var tag in tags)
        {
            longest = Math.Max(longest, (tag.Value as string)?.Length ?? 0);
        }

        return longest;
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new StringBuilder();
        foreach (var tag in tags)
        {
            var value = Convert.ToString(tag.Value, CultureInfo.InvariantCulture)?.Replace("\\", "\\\\").Replace("\"", "\\\"")
                .Replace("\n", "\\n");
            labels.Append(labels.Length == 0 ? "" : ",").Append(tag.Key.Replace('.', '_').Replace('-', '_')).Append("=\"").Append(value)
                .Append('"');
        }

        return labels.ToString();
    }

    /// <summary>An instrument as Prometheus names it, with its series by their tags as they come.</summary>
    private sealed class Known
    {
        public Known(Instrument instrument)
        {
            var type = instrument.GetType().Name;
            Kind = type.StartsWith("Histogram", StringComparison.Ordinal) ? "histogram"
                : type.StartsWith("Counter", StringComparison.Ordinal) || type.StartsWith("ObservableCounter", StringComparison.Ordinal)
                ? "counter" : "gauge";
            Name = instrument.Name.Replace('.', '_').Replace('-', '_') + (Kind == "counter" ? "_total" : "");
            Absolute = instrument.IsObservable || type.StartsWith("Gauge", StringComparison.Ordinal);
        }

        public string Name { get; }

        public string Kind { get; }

        /// <summary>A measurement is the value itself, not what is added to it.</summary>
        public bool Absolute { get; }

        public ConcurrentDictionary<KeyValuePair<string, object?>[], Series> ByTags { get; } = new(TagsComparer.Same);
    }

    private sealed class TagsComparer : IEqualityComparer<KeyValuePair<string, object?>[]>,
        IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, KeyValuePair<string, object?>[]>
    {
        public static readonly TagsComparer Same = new();

        public bool Equals(KeyValuePair<string, object?>[]? left, KeyValuePair<string, object?>[]? right) => Equals(left.AsSpan(), right!);

        public int GetHashCode(KeyValuePair<string, object?>[] tags) => GetHashCode(tags.AsSpan());

        public KeyValuePair<string, object?>[] Create(ReadOnlySpan<KeyValuePair<string, object?>> tags) => tags.ToArray();

        public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> left, KeyValuePair<string, object?>[] right)
        {
            if (left.Length != right.Length)
            {
                return false;
            }

            for (var i = 0; i < right.Length; i++)
            {
                if (left[i].Key != right[i].Key || !Equals(left[i].Value, right[i].Value))
                {
                    return false;
                }
            }

            return true;
        }

        public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var hash = default(HashCode);
            foreach (var tag in tags)
            {
                hash.Add(tag.Value); // the names of one instrument's tags are mostly the same
            }

            return hash.ToHashCode();
        }
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

                text.Append(CultureInfo.InvariantCulture,
                    $"{name}_bucket{{{more}le=\"+Inf\"}} {count}\n{name}_sum{braces} {sum}\n{name}_count{braces} {count}\n");
            }
        }
    }
}
