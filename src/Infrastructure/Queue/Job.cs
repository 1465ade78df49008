using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bsp.Infrastructure.Queue;

/// <summary>One job to put into the queue.</summary>
/// <param name="Id">
/// Ours to choose, so that enqueueing twice adds once: a message's uuid. 1–128 characters, no ':', not an integer, not one of the
/// queue's own key names. An id is taken for as long as the job is kept, also after it completed or failed.
/// </param>
/// <param name="Name">What kind of work, for example <c>send</c>; not empty.</param>
/// <param name="Data">The payload as JSON text, passed through byte for byte.</param>
/// <exception cref="ArgumentException">An id BullMQ would refuse or confuse, an empty name, data that is not JSON.</exception>
public sealed record Job(string Id, string Name, string Data)
{
    private const int IdLengthMax = 128;

    // Also ids would live at bull:<queue>:<id>, next to these keys.
    private static readonly HashSet<string> KeyNames =
    [
        "wait", "active", "completed", "failed", "delayed", "prioritized", "pc", "waiting-children", "paused", "id", "meta", "events",
        "marker", "stalled", "stalled-check", "limiter", "repeat", "metrics", "waiting",
    ];

    public string Id { get; } = CheckedId(Id);

    public string Name { get; } = Name.Length > 0 ? Name : throw new ArgumentException("A job needs a name.", nameof(Name));

    public string Data { get; } = JsonText.Checked(Data, nameof(Data));

    /// <summary>How often the job may run, the first time included; at least 1.</summary>
    public int Attempts { get; init; } = 3;

    public Backoff Backoff { get; init; } = Backoff.Exponential(TimeSpan.FromSeconds(1));

    /// <summary>Earliest start, counted from now; zero starts at once. Kept in whole milliseconds.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>1 (first) to 2 097 151; 0 is the ordinary line, which goes before every priority. Source: BullMQ's score layout.</summary>
    public int Priority { get; init; }

    /// <summary>Next to run instead of last; without meaning for delayed and prioritized jobs.</summary>
    public bool Lifo { get; init; }

    /// <summary>Lines of the job's log that are kept, the last ones; null: all that whoever works it writes.</summary>
    public int? KeepLogs { get; init; }

    public Retention KeepCompleted { get; init; } = Retention.Completed;

    public Retention KeepFailed { get; init; } = Retention.Failed;

    private static string CheckedId(string id) => id switch
    {
        { Length: 0 or > IdLengthMax } => throw new ArgumentException($"A job id has 1 to {IdLengthMax} characters.", nameof(id)),
        _ when id.Contains(':') => throw new ArgumentException($"The job id '{id}' contains ':'.", nameof(id)),
        _ when long.TryParse(id, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) =>
            throw new ArgumentException($"The job id '{id}' is an integer; those are given by the queue.", nameof(id)),
        _ when KeyNames.Contains(id) => throw new ArgumentException($"The job id '{id}' is a key of the queue itself.", nameof(id)),
        _ => id,
    };
}

/// <summary>How long to wait before the next attempt.</summary>
/// <param name="Type"><c>fixed</c>, or <c>exponential</c>: the delay doubles with every attempt made.</param>
/// <param name="Delay">Before the first repetition; at most 24 hours are ever waited.</param>
/// <param name="Jitter">0–1: the wait is drawn evenly from the last part of this size of the full delay.</param>
public sealed record Backoff(string Type, TimeSpan Delay, double Jitter = 0)
{
    /// <summary>No wait grows beyond this, however many attempts were made.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromHours(24);

    // 2^60 ms is beyond every bound; more would end at infinity, and infinity times no delay at no number
    private const int DoublingsMax = 60;

    public static Backoff Fixed(TimeSpan delay, double jitter = 0) => new("fixed", delay, jitter);

    public static Backoff Exponential(TimeSpan delay, double jitter = 0) => new("exponential", delay, jitter);

    /// <summary>The wait after <paramref name="attemptsMade"/> attempts, this one included (so at least 1).</summary>
    public TimeSpan After(int attemptsMade, Random random)
    {
        var factor = Type == "exponential" ? Math.Pow(2, Math.Clamp(attemptsMade - 1, 0, DoublingsMax)) : 1;
        var full = Math.Min(Delay.TotalMilliseconds * factor, DelayMax.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(Math.Round(full * (1 - Math.Clamp(Jitter, 0, 1) * random.NextDouble())));
    }
}

/// <summary>
/// How much of the finished jobs stays visible. Redis is memory: a completed job costs about 1.2 kB, measured on Redis 7.
/// </summary>
/// <param name="Count">Jobs kept at most; 0 keeps none, null sets no limit.</param>
/// <param name="Age">Kept no longer than this, in whole seconds; null sets no limit.</param>
/// <param name="RemovedMax">Removed in one go, so that one finish stays short; 1–1000.</param>
public sealed record Retention(int? Count, TimeSpan? Age = null, int RemovedMax = 1000)
{
    public static readonly Retention None = new(0);
    public static readonly Retention Everything = new(Count: null);
    public static readonly Retention Completed = new(1_000, TimeSpan.FromHours(1));
    public static readonly Retention Failed = new(10_000, TimeSpan.FromDays(7));
}

internal static class JsonText
{
    /// <summary>The same text, if it is one JSON value; other clients of the queue stop at text that is not.</summary>
    public static string Checked(string text, string parameter)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
            while (reader.Read()) reader.TrySkip();
            return text;
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"Not JSON: {error.Message}", parameter, error);
        }
    }
}
