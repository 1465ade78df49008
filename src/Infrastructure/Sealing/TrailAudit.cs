using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Sealing;

/// <summary>
/// An organization's audit trail: each act's hash takes in the one before it (<c>bsp.chain_act</c>); seals say how far it was and which
/// hash it had.
/// </summary>
internal sealed class TrailAudit(Shard shard, Action<LogFinding> add)
{
    private const int PageActs = 1_000;

    private sealed record Act(long Position, Guid Id, DateTime At, string?[] Fields, byte[] Hash);

    /// <summary>How many acts were looked at.</summary>
    public async Task<long> RunAsync(Guid organization, CancellationToken ct)
    {
        var seals = (await shard.QueryAsync(organization,
            "SELECT acts, acts_hash, day FROM bsp.log_seals WHERE tenant_id = $1 AND acts > 0 ORDER BY n", r =>
                (Acts: r.GetInt64(0), Hash: r.GetFieldValue<byte[]>(1), Day: r.GetFieldValue<DateOnly>(2)), ct, organization.ToString()))
            .DistinctBy(s => s.Acts).ToDictionary(s => s.Acts);
        var (position, hash) = (0L, NoHead.Bytes);
        while (await PageAsync(organization, position, ct) is { Count: > 0 } page)
        {
            foreach (var act in page)
            {
                if (act.Position != position + 1)
                {
                    Tell("act.missing", position + 1, null, $"Acts {position + 1} to {act.Position - 1} are gone.");
                }
                else if (!Next(hash, organization, act).AsSpan().SequenceEqual(act.Hash))
                {
                    Tell("act.altered", act.Position, act.Id, "The act is not what was noted, or one before it was replaced.");
                }

                (position, hash) = (act.Position, act.Hash);
                if (seals.Remove(position, out var sealedAt) && !sealedAt.Hash.AsSpan().SequenceEqual(hash))
                {
                    Tell("act.altered", position, act.Id,
                        $"It has another hash than when {sealedAt.Day:yyyy-MM-dd} was sealed: the trail was written anew.");
                }
            }
        }

        var head = await shard.FirstAsync(organization, "SELECT position, hash FROM bsp.audit_heads WHERE organization_id = $1", r =>
            ((long, byte[])?)(r.GetInt64(0), r.GetFieldValue<byte[]>(1)), ct, organization);
        if ((head?.Item1 ?? 0) != position || !(head?.Item2 ?? NoHead.Bytes).AsSpan().SequenceEqual(hash))
        {
            Tell("act.missing", position + 1, null, $"The trail has {position} acts and its head says {head?.Item1 ?? 0}.");
        }

        foreach (var gone in seals.Values.Where(s => s.Acts > position).Take(1))
        {
            Tell("act.missing", position + 1, null, $"The trail had {gone.Acts} acts when {gone.Day:yyyy-MM-dd} was sealed.");
        }

        return position;

        void Tell(string kind, long at, Guid? id, string what) => add(new(shard.Name, kind, organization.ToString(), null, at, id, what));
    }

    private Task<List<Act>> PageAsync(Guid organization, long after, CancellationToken ct) => shard.QueryAsync(organization, """
        SELECT position, id, at, act, actor, address, target_type, target_id, changed, hash FROM bsp.audit_trail WHERE organization_id = $1 AND position > $2 ORDER BY position LIMIT $3
        """, r => new Act(r.GetInt64(0), r.GetGuid(1), r.GetDateTime(2), Fields(r), r.GetFieldValue<byte[]>(9)), ct, organization, after, PageActs);

    private static string?[] Fields(Npgsql.NpgsqlDataReader r)
    {
        var changed = r.IsDBNull(8) ? null : r.GetFieldValue<string[]>(8);
        return [r.GetString(3), r.GetString(4), r.TextOrNull(5), r.GetString(6), r.GuidOrNull(7)?.ToString(),
            changed?.Length.ToString(CultureInfo.InvariantCulture), .. changed ?? []];
    }

    // As bsp.act_hash has it.
    private static byte[] Next(byte[] before, Guid organization, Act act)
    {
        var content = new Canonical().Begin("bsp.act.1").Add(organization).Add(act.Position).Add(act.Id)
            .Add(act.At.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
        foreach (var field in act.Fields)
        {
            content.Add(field);
        }

        return SHA256.HashData([.. before, .. content.Bytes]);
    }
}
