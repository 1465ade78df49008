using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Sealing;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// The heads that were signed day by day, beside the chain: each is signed by a key that counts, lies under its day's signed root, and
/// names an entry, a balance and holds that the chain still has. Whoever owns the database and not the master key cannot write them anew,
/// so a chain that was computed anew up to today is found by them.
/// </summary>
internal static class DayHeads
{
    private const string Name = "signed heads";
    private static readonly TimeSpan UnderWay = TimeSpan.FromHours(1); // a wallet that began while the day was signed

    private const string Days = """
        SELECT d.day, d.n, d.heads, d.root, d.previous, d.message, d.key_id, d.signature, d.made_at,
               (SELECT p.message FROM bsp.ledger_days p WHERE p.n = d.n - 1) FROM bsp.ledger_days d ORDER BY d.n
        """;

    // Of shards where the organization lived before; each was checked there with the days around it, and stands by its own signature here.
    private const string DaysBefore = """
        SELECT b.day, b.n, b.heads, b.root, b.previous, b.message, b.key_id, b.signature, b.made_at FROM bsp.ledger_days_before b
         WHERE b.organization_id = $1 ORDER BY b.day
        """;

    private const string Since = "SELECT m.here_at FROM bsp.moves_here m WHERE m.organization_id = $1 AND m.state = 'here'";

    private const string Heads = """
        SELECT h.day, h.currency, h.place, h.path, h.message, h.key_id, h.signature FROM bsp.ledger_day_heads h
         WHERE h.organization_id = $1 ORDER BY h.day, h.currency
        """;

    private const string Entry = """
        SELECT e.data #>> '{entry,hash}', e.data #>> '{entry,balance_after}', e.data #>> '{entry,held_after}' FROM public.mt_events e
         WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = $3
        """;

    private sealed record Day(DateOnly Date, long Number, long Heads, byte[] Root, byte[] Previous, string Message, string KeyId,
        byte[] Signature, DateTimeOffset MadeAt, string? Before);

    private sealed record Head(DateOnly Date, string Currency, long Place, byte[][] Path, string Message, string KeyId, byte[] Signature);

    public static async Task<(LedgerFault? Fault, LedgerCheck Check)> CheckAsync(AuditSnapshot snapshot, Guid organizationId,
        LogSigner signer, CancellationToken ct)
    {
        var keys = await LogKeys.TrustedAsync(snapshot.Own, signer, ct);
        var days = await snapshot.QueryAsync(Days, r => new Day(r.GetFieldValue<DateOnly>(0), r.GetInt64(1), r.GetInt64(2),
            r.GetFieldValue<byte[]>(3), r.GetFieldValue<byte[]>(4), r.GetString(5), r.GetString(6), r.GetFieldValue<byte[]>(7),
            r.GetFieldValue<DateTimeOffset>(8), r.IsDBNull(9) ? null : r.GetString(9)), ct);
        var heads = await snapshot.QueryAsync(Heads, r => new Head(r.GetFieldValue<DateOnly>(0), r.GetString(1), r.GetInt64(2),
            r.GetFieldValue<byte[][]>(3), r.GetString(4), r.GetString(5), r.GetFieldValue<byte[]>(6)), ct, organizationId);
        if (days.Count == 0 && heads.Count == 0)
        {
            return (null, new(Name, "absent", 0, "No day has been signed yet."));
        }

        var fault = DaysHold(days, keys);
        if (fault is null)
        {
            var before = await snapshot.QueryAsync(DaysBefore, r => new Day(r.GetFieldValue<DateOnly>(0), r.GetInt64(1), r.GetInt64(2),
                r.GetFieldValue<byte[]>(3), r.GetFieldValue<byte[]>(4), r.GetString(5), r.GetString(6), r.GetFieldValue<byte[]>(7),
                r.GetFieldValue<DateTimeOffset>(8), null), ct, organizationId);
            var since = (await snapshot.QueryAsync(Since, r => r.GetFieldValue<DateTimeOffset>(0), ct, organizationId)).FirstOrDefault();
            fault = before.Find(d => !Signed(keys, d.KeyId, d.Message, d.Signature)
                    || d.Message != Encoding.UTF8.GetString(HeadSigner.DayMessage(d.Date, d.Number, d.Heads, d.Root, d.Previous)))
                is { } bad
                ? Fault(null, "signed_head.differs", $"The root of {bad.Date:yyyy-MM-dd}, of an earlier shard, is not what was signed.")
                : await HeadsHoldAsync(snapshot, organizationId, Of(days, before, since), heads, keys, ct);
        }

        return (fault, new(Name, fault is null ? "passed" : "failed", heads.Count, null));
    }

    // Under which days the organization's heads lie: those of its former shards, and of this one those that were signed since it is here.
    private static List<Day> Of(List<Day> days, List<Day> before, DateTimeOffset since) => before.Count == 0 && since == default ? days
        : [.. before, .. days.Where(d => d.MadeAt >= since && before.TrueForAll(b => b.Date != d.Date))];

    private static LedgerFault? DaysHold(List<Day> days, IReadOnlyDictionary<string, byte[]> keys)
    {
        for (var i = 0; i < days.Count; i++)
        {
            var day = days[i];
            var previous = day.Before is null ? new byte[Merkle.Size] : SHA256.HashData(Encoding.UTF8.GetBytes(day.Before));
            var message = HeadSigner.DayMessage(day.Date, day.Number, day.Heads, day.Root, day.Previous);
            if (day.Number != i + 1)
            {
                return Fault(null, "signed_head.missing",
                    $"Day {i + 1} of the signed days is gone: {day.Date:yyyy-MM-dd} is number {day.Number}.");
            }

            if (!day.Previous.AsSpan().SequenceEqual(previous) || day.Message != Encoding.UTF8.GetString(message)
                || !Signed(keys, day.KeyId, day.Message, day.Signature))
            {
                return Fault(null, "signed_head.differs",
                    $"The root of {day.Date:yyyy-MM-dd} is not what was signed, or does not follow the day before.");
            }
        }

        return null;
    }

    private static async Task<LedgerFault?> HeadsHoldAsync(AuditSnapshot snapshot, Guid organizationId, List<Day> days, List<Head> heads,
        IReadOnlyDictionary<string, byte[]> keys, CancellationToken ct)
    {
        var byDay = days.ToDictionary(day => day.Date);
        foreach (var head in heads)
        {
            var fields = HeadSigner.Read(head.Message);
            var date = head.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            if (fields is null || (fields.OrganizationId, fields.Currency) != (organizationId, head.Currency)
                || !byDay.TryGetValue(head.Date, out var day)
                || !Signed(keys, head.KeyId, head.Message, head.Signature)
                || !Merkle.Verify(SHA256.HashData(Encoding.UTF8.GetBytes(head.Message)), head.Place, day.Heads, head.Path, day.Root))
            {
                return Fault(head.Currency, "signed_head.differs",
                    $"The head of {date} is not what was signed, or does not lie under that day's root.");
            }

            var (month, place) = (fields.Month, fields.Size);
            var there = await snapshot.QueryAsync(Entry, r => (r.GetString(0), r.GetString(1), r.GetString(2)), ct,
                organizationId.ToString(), Uuid.Ledger(organizationId, head.Currency, month), place);
            if (there is not [var found] || found != (fields.HeadHash, Money.Text(fields.Balance), Money.Text(fields.Held)))
            {
                return new(null, head.Currency, month, place, "signed_head.differs",
                    $"The head signed for {date} names entry {place} of {month}, and the chain has another one there, or none.");
            }
        }

        return await MissingAsync(snapshot, organizationId, days, heads, ct);
    }

    private static async Task<LedgerFault?> MissingAsync(AuditSnapshot snapshot, Guid organizationId, List<Day> days, List<Head> heads,
        CancellationToken ct)
    {
        var wallets = await snapshot.QueryAsync("SELECT h.currency, h.created_at FROM bsp.ledger_heads h WHERE h.organization_id = $1",
            r => (Currency: r.GetString(0), Since: r.GetFieldValue<DateTimeOffset>(1)), ct, organizationId);
        var there = heads.Select(head => (head.Date, head.Currency)).ToHashSet();
        foreach (var (currency, since) in wallets)
        {
            if (days.Find(day => since < day.MadeAt - UnderWay && !there.Contains((day.Date, currency))) is { } day)
            {
                return Fault(currency, "signed_head.missing", $"The wallet's head of {day.Date:yyyy-MM-dd} is gone.");
            }
        }

        return null;
    }

    private static bool Signed(IReadOnlyDictionary<string, byte[]> keys, string keyId, string message, byte[] signature) =>
        keys.TryGetValue(keyId, out var key) && LogSigner.Verify(key, Encoding.UTF8.GetBytes(message), signature);

    private static LedgerFault Fault(string? currency, string code, string detail) => new(null, currency, null, null, code, detail);
}
