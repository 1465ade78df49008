using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Ledger;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>
/// Once a day, after midnight: every wallet's head, signed, and one signed root over all of them, linked to the root of the day before.
/// One process a shard, in one transaction, so a killed one leaves
/// nothing. What is appended in the minutes after midnight may be under it already: a head says its own time. Decision:
/// docs/decisions/0210.
/// </summary>
public sealed partial class LedgerDaySweep(Shards shards, HeadSigner signer, HeadTeller teller, TimeProvider clock,
    ILogger<LedgerDaySweep> log) : ShardSweep(shards, clock, TimeSpan.FromSeconds(40))
{
    private const int LockKey = 0x4865_6164; // "Head"
    private const int HeadsAtOnce = 500;

    /// <summary>Heads that were signed; 0: nothing is due, or another process is at it.</summary>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var made = await SignAsync(shard, ct);
        await teller.TellAsync(shard, ct);
        return made;
    }

    private async Task<int> SignAsync(Shard shard, CancellationToken ct)
    {
        await signer.IntroduceAsync(shard, ct);
        var now = LedgerTime.Cut(Clock.GetUtcNow());
        var day = DateOnly.FromDateTime(now.UtcDateTime).AddDays(-1);
        await using var transaction = await shard.BeginAsync(Guid.Empty, ct);
        if (!(await transaction.QueryAsync("SELECT pg_try_advisory_xact_lock($1)", r => r.GetBoolean(0), ct, (long)LockKey))[0])
        {
            return 0;
        }

        var last =
            (await transaction.QueryAsync("SELECT d.day, d.n, d.message FROM bsp.ledger_days d ORDER BY d.n DESC LIMIT 1", r =>
            (Day: r.GetFieldValue<DateOnly>(0), N: r.GetInt64(1), Message: r.GetString(2)), ct))
            .FirstOrDefault();
        if (last.N > 0 && last.Day >= day)
        {
            return 0;
        }

        var heads = await HeadsAsync(transaction, now, ct);
        if (heads.Count == 0)
        {
            return 0;
        }

        await WriteAsync(transaction, day, last.N + 1, last.N == 0 ? new byte[Merkle.Size]
            : SHA256.HashData(Encoding.UTF8.GetBytes(last.Message)), heads, now, ct);
        await transaction.CommitAsync(ct);
        LogMade(day, shard.Name, heads.Count);
        return heads.Count;
    }

    private async Task<List<SignedLedgerHead>> HeadsAsync(TenantTransaction transaction, DateTimeOffset now, CancellationToken ct)
    {
        var heads = new List<SignedLedgerHead>();
        for (var (organization, currency, more) = (Guid.Empty, "", true); more;)
        {
            var page = await transaction.QueryAsync("SELECT * FROM bsp.ledger_heads_of_all($1, $2, $3)", r =>
                new HeadRows(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetInt64(3), r.GetString(4),
                r.GetFieldValue<byte[]>(5), r.GetDecimal(6), r.GetDecimal(7)), ct, organization, currency, HeadsAtOnce);
            heads.AddRange(page.Select(row => row.Sign(signer, now)));
            more = page.Count == HeadsAtOnce;
            (organization, currency) = page.Count > 0 ? (page[^1].OrganizationId, page[^1].Currency) : (organization, currency);
        }

        return heads;
    }

    private async Task WriteAsync(TenantTransaction transaction, DateOnly day, long number, byte[] previous,
        List<SignedLedgerHead> heads, DateTimeOffset now, CancellationToken ct)
    {
        var tree = new WholeTree([.. heads.Select(h => Merkle.Leaf(SHA256.HashData(Encoding.UTF8.GetBytes(h.Message))))]);
        var message = HeadSigner.DayMessage(day, number, heads.Count, tree.Root, previous);
        var signed = signer.Sign(message);
        await transaction.ExecuteAsync(
            "INSERT INTO bsp.ledger_days (day, n, heads, root, previous, made_at, message, key_id, signature) VALUES ($1, $2, $3, $4, "
            + "$5, $6, $7, $8, $9)", ct,
            day, number, (long)heads.Count, tree.Root, previous, now.UtcDateTime, Encoding.UTF8.GetString(message), signed.KeyId,
                signed.Signature);
        foreach (var some in heads.Select((head, place) => (head, place)).Chunk(HeadsAtOnce))
        {
            await transaction.ExecuteAsync("SELECT set_config('bsp.tenants', $1, true)", ct,
                string.Join(',', some.Select(s => s.head.OrganizationId).Distinct()));
            await using var batch = new NpgsqlBatch(transaction.Connection);
            foreach (var (head, place) in some)
            {
                batch.BatchCommands.Add(
                    new("INSERT INTO bsp.ledger_day_heads (organization_id, day, currency, place, path, message, key_id, signature) "
                    // an organization that came from another shard may have brought this day's along
                    + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (organization_id, day, currency) DO NOTHING")
                {
                    Parameters =
                    {
                        new() { Value = head.OrganizationId }, new() { Value = day }, new() { Value = head.Currency },
                            new() { Value = (long)place },
                        new() { Value = tree.Path(place), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                            new() { Value = head.Message }, new() { Value = head.KeyId },
                        new() { Value = Convert.FromHexString(head.Signature) },
                    },
                });
            }

            await batch.ExecuteNonQueryAsync(ct);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "ledger: the heads of {Day} on shard {Shard} are signed: {Heads}")]
    private partial void LogMade(DateOnly day, string shard, int heads);

    [LoggerMessage(Level = LogLevel.Warning, Message = "ledger: the heads of shard {Shard} could not be signed; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}

/// <summary>The tree of RFC 6962 over leaves that are all there: each level is the one below in pairs, with the last one carried up when
/// it has no partner.</summary>
internal sealed class WholeTree
{
    private readonly List<byte[][]> levels = [];

    /// <param name="leaves">At least one.</param>
    public WholeTree(byte[][] leaves)
    {
        levels.Add(leaves);
        while (levels[^1] is { Length: > 1 } below)
        {
            levels.Add([.. below.Chunk(2).Select(pair => pair.Length == 2 ? Merkle.Node(pair[0], pair[1]) : pair[0])]);
        }
    }

    public byte[] Root => levels[^1][0];

    /// <summary>From the leaf upwards.</summary>
    public byte[][] Path(int place)
    {
        var path = new List<byte[]>();
        foreach (var level in levels)
        {
            if ((place ^ 1) < level.Length && level.Length > 1)
            {
                path.Add(level[place ^ 1]);
            }

            place >>= 1;
        }

        return [.. path];
    }
}
