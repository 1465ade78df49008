using System.Text;
using System.Text.Json;

namespace Bsp.Infrastructure.Queue;

/// <summary>What a worker must know of a job's <c>opts</c>, whoever wrote them.</summary>
/// <param name="Attempts">Runs allowed; foreign jobs may say 0, which means one.</param>
/// <param name="StackTraceLimit">Failed attempts whose text is kept.</param>
public sealed record JobOptions(int Attempts, Backoff Backoff, Retention KeepCompleted, Retention KeepFailed, int StackTraceLimit)
{
    private const int StackTraceLimitDefault = 10;

    private static readonly JobOptions Absent =
        new(0, Backoff.Fixed(TimeSpan.Zero), Retention.Everything, Retention.Everything, StackTraceLimitDefault);

    /// <summary>The <c>opts</c> text of one of our jobs, with BullMQ's public names; durations in ms, ages in s.</summary>
    public static string Write(Job job)
    {
        using var buffer = new MemoryStream(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("attempts", job.Attempts);
            Write(json, job.Backoff);
            json.WriteString("jobId", job.Id);
            if (job.Delay > TimeSpan.Zero) json.WriteNumber("delay", (long)job.Delay.TotalMilliseconds);
            if (job.Priority > 0) json.WriteNumber("priority", job.Priority);
            if (job.Lifo) json.WriteBoolean("lifo", true);
            if (job.KeepLogs is { } lines) json.WriteNumber("kl", lines); // keepLogs, as BullMQ stores it
            Write(json, "removeOnComplete", job.KeepCompleted);
            Write(json, "removeOnFail", job.KeepFailed);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>Never fails: what is missing or of another shape takes BullMQ's default.</summary>
    public static JobOptions Read(string? text)
    {
        try
        {
            using var json = JsonDocument.Parse(text ?? "{}");
            return json.RootElement.ValueKind == JsonValueKind.Object ? Read(json.RootElement) : Absent;
        }
        catch (JsonException)
        {
            return Absent;
        }
    }

    private static JobOptions Read(JsonElement opts) => new(
        Int(opts, "attempts") ?? 0,
        ReadBackoff(opts),
        ReadRetention(opts, "removeOnComplete"),
        ReadRetention(opts, "removeOnFail"),
        Int(opts, "stackTraceLimit") ?? StackTraceLimitDefault);

    private static Backoff ReadBackoff(JsonElement opts) => Property(opts, "backoff") switch
    {
        { ValueKind: JsonValueKind.Object } o => new(
            o.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : "fixed",
            TimeSpan.FromMilliseconds(Number(o, "delay") ?? 0),
            Number(o, "jitter") ?? 0),
        { ValueKind: JsonValueKind.Number } n => Backoff.Fixed(TimeSpan.FromMilliseconds(Math.Clamp(n.GetDouble(), 0, int.MaxValue))),
        _ => Absent.Backoff,
    };

    private static Retention ReadRetention(JsonElement opts, string name) => Property(opts, name) switch
    {
        { ValueKind: JsonValueKind.True } => Retention.None,
        { ValueKind: JsonValueKind.Number } n => new(Bounded(n.GetDouble())),
        { ValueKind: JsonValueKind.Object } o => new(
            Int(o, "count"),
            Number(o, "age") is { } age ? TimeSpan.FromSeconds(age) : null,
            Math.Clamp(Int(o, "limit") ?? 1000, 1, 1000)),
        _ => Retention.Everything,
    };

    private static JsonElement? Property(JsonElement o, string name) => o.TryGetProperty(name, out var value) ? value : null;

    private static double? Number(JsonElement o, string name) =>
        Property(o, name) is { ValueKind: JsonValueKind.Number } n ? Math.Clamp(n.GetDouble(), 0, int.MaxValue) : null;

    private static int? Int(JsonElement o, string name) => Number(o, name) is { } n ? (int)n : null;

    private static int Bounded(double n) => (int)Math.Clamp(n, 0, int.MaxValue);

    private static void Write(Utf8JsonWriter json, Backoff backoff)
    {
        json.WriteStartObject("backoff");
        json.WriteString("type", backoff.Type);
        json.WriteNumber("delay", (long)backoff.Delay.TotalMilliseconds);
        if (backoff.Jitter > 0) json.WriteNumber("jitter", backoff.Jitter);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Retention keep)
    {
        if (keep == Retention.Everything)
        {
            json.WriteBoolean(name, false);
            return;
        }

        json.WriteStartObject(name);
        if (keep.Count is { } count) json.WriteNumber("count", count);
        if (keep.Age is { } age) json.WriteNumber("age", (long)age.TotalSeconds);
        if (keep.RemovedMax < 1000) json.WriteNumber("limit", keep.RemovedMax);
        json.WriteEndObject();
    }
}
