using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Eight bytes that say the same of the same text in PostgreSQL, ClickHouse and here: the first of its MD5, which is no secret and guards
/// against accidents, not against people.
/// </summary>
internal static class RowHash
{
    public static ulong Of(string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        Span<byte> utf8 = count <= 1_024 ? stackalloc byte[count] : new byte[count];
        Encoding.UTF8.GetBytes(text, utf8);
        Span<byte> hash = stackalloc byte[16];
#pragma warning disable CA5351 // no secret: every store has this function
        MD5.HashData(utf8, hash);
#pragma warning restore CA5351
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }

    /// <summary>The same in PostgreSQL, as a signed number.</summary>
    public static string InPostgres(string text) => $"('x' || left(md5({text}), 16))::bit(64)::bigint";

    /// <summary>The same in ClickHouse.</summary>
    public static string InClickHouse(string text) => $"reinterpretAsUInt64(reverse(substring(MD5({text}), 1, 8)))";

    /// <summary>16 hex digits.</summary>
    public static string Text(ulong hash) => hash.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Millionths, rounded as PostgreSQL rounds.</summary>
    public static long Micros(decimal amount) => (long)Math.Round(amount * 1_000_000m, MidpointRounding.AwayFromZero);
}

/// <summary>What the documents or rows of one day come to. Sums beside the XOR, because it forgives pairs.</summary>
internal sealed class DayDigest
{
    private readonly SortedDictionary<string, long> states = new(StringComparer.Ordinal);

    public long Count { get; private set; }

    public decimal Sum { get; private set; }

    public ulong Xor { get; private set; }

    /// <summary>Numbers by state, as <c>delivered=2 sent=3</c>; those of none left out.</summary>
    public string States => string.Join(' ', states.Where(s => s.Value != 0).Select(s => $"{s.Key}={s.Value}"));

    public void Add(string state, decimal sum, ulong hash, long weight = 1) => Add([(state, weight)], 1, sum, hash);

    public void Add(IEnumerable<(string State, long Number)> numbers, long count, decimal sum, ulong xor)
    {
        foreach (var (state, number) in numbers)
        {
            states[state] = states.GetValueOrDefault(state) + number;
        }

        (Count, Sum, Xor) = (Count + count, Sum + sum, Xor ^ xor);
    }

    public void Add(DayDigest other) => Add(other.states.Select(s => (s.Key, s.Value)), other.Count, other.Sum, other.Xor);

    public bool Same(DayDigest other) => (Count, Sum, Xor, States) == (other.Count, other.Sum, other.Xor, other.States);
}

/// <summary>Digests by day.</summary>
internal sealed class DayDigests
{
    private readonly Dictionary<DateOnly, DayDigest> days = [];

    public DayDigest this[DateOnly day] => days.TryGetValue(day, out var known) ? known : days[day] = new();

    public void Add(DayDigests other)
    {
        foreach (var (day, digest) in other.days)
        {
            this[day].Add(digest);
        }
    }

    public IReadOnlyCollection<DateOnly> Days => [.. days.Keys.Order()];

    /// <summary>All days together.</summary>
    public DayDigest Total()
    {
        var total = new DayDigest();
        foreach (var day in days.Values)
        {
            total.Add(day);
        }

        return total;
    }

    /// <summary>Days on which they say different things, the earliest first.</summary>
    public IReadOnlyList<DateOnly> Differing(DayDigests other) =>
        [.. days.Keys.Union(other.days.Keys).Order().Where(day => !(days.GetValueOrDefault(day) ?? new()).Same(
            other.days.GetValueOrDefault(day) ?? new()))];
}

/// <summary>What a store holds, by day, up to a place in the log.</summary>
/// <param name="Moved">What had gone beyond that place when it was read: left out here, and to be left out of what the log says.</param>
/// <param name="Busy">More moved than is kept apart: nothing can be said.</param>
internal sealed record StoreDigest(DayDigests Days, IReadOnlySet<string> Moved, bool Busy)
{
    /// <summary>Documents or rows that may move while they are read, at most.</summary>
    public const int MovedMax = 200_000;
}

/// <summary>What a store shows as the charge of one message.</summary>
/// <param name="MessageId">As text, lower case with dashes; whatever else stands there, as it stands.</param>
/// <param name="Amount">Null: it is no number, or there is none.</param>
/// <param name="Currency">Empty: none.</param>
/// <param name="Position">Packed place in the log.</param>
internal sealed record ShownCost(string MessageId, decimal? Amount, string Currency, long Position);

/// <summary>One document, or all rows of one message and day.</summary>
/// <param name="Key">As <see cref="StoreDigest.Moved"/> names it, or the message's id.</param>
/// <param name="Position">Packed place in the log.</param>
/// <param name="Shown">For people.</param>
internal sealed record StoreRow(string Key, ulong Hash, long Position, string Shown);
