using Bsp.Application.Common;
using Bsp.Application.Retention;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Retention;

/// <summary>How long one organization's data is kept.</summary>
/// <param name="Held">Everything of it is held.</param>
/// <param name="HeldContacts">Whose data is held.</param>
internal sealed record OrganizationTimes(RetentionPolicy Policy, bool Held, IReadOnlySet<Guid> HeldContacts)
{
    private static readonly System.Collections.Frozen.FrozenSet<Guid> Nobody = [];

    /// <summary>The specification's times, and nothing held.</summary>
    public static OrganizationTimes Standard(Guid organizationId) => new(new(organizationId, null, null, null, null, 0), false, Nobody);

    /// <summary>What is older than this goes.</summary>
    public DateTimeOffset Before(string kind, DateTimeOffset now) => now.AddDays(-Policy.DaysOf(kind));
}

/// <summary><c>bsp.retention_policies</c>: what an organization has set.</summary>
public sealed class RetentionPolicies(Shards shards, AuditLog audit, TimeProvider clock)
    : IRequestHandler<GetRetentionPolicy, RetentionPolicy>, IRequestHandler<PatchRetentionPolicy, Done>
{
    private const string Columns =
        "organization_id, message_content_days, message_logs_days, ai_conversations_days, updated_at, row_version";

    public async Task<RetentionPolicy> Handle(GetRetentionPolicy query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        return await shard.FirstAsync(query.OrganizationId,
            $"SELECT {Columns} FROM bsp.retention_policies WHERE organization_id = $1", Row, ct, query.OrganizationId)
            ?? OrganizationTimes.Standard(query.OrganizationId).Policy;
    }

    public async Task<Done> Handle(PatchRetentionPolicy command, CancellationToken ct)
    {
        command.Require();
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
        await tx.ExecuteAsync("INSERT INTO bsp.retention_policies (organization_id) VALUES ($1) ON CONFLICT DO NOTHING", ct,
            command.OrganizationId);
        var before = (await tx.QueryAsync($"SELECT {Columns} FROM bsp.retention_policies WHERE organization_id = $1 FOR UPDATE", Row, ct,
            command.OrganizationId))[0];
        if (command.SeenVersion is { } seen && seen != before.Version)
        {
            throw new VersionConflict(command.OrganizationId, named: true);
        }

        await tx.ExecuteAsync("""
            UPDATE bsp.retention_policies SET message_content_days = $2, message_logs_days = $3, ai_conversations_days = $4,
              updated_at = $5, row_version = row_version + 1 WHERE organization_id = $1
            """, ct, command.OrganizationId, Days(command.MessageContentDays, before.MessageContentDays),
            Days(command.MessageLogsDays, before.MessageLogsDays), Days(command.AiConversationsDays, before.AiConversationsDays),
            clock.GetUtcNow().UtcDateTime);
        await audit.NoteAsync(tx, shard, command.OrganizationId, "retention.policy_changed", "retention_policy", command.OrganizationId,
            [.. Changed(command)], ct);
        await tx.CommitAsync(ct);
        return new(command.OrganizationId, before.Version + 1);
    }

    /// <summary>Organizations that differ from the specification; all others are <see cref="OrganizationTimes.Standard"/>.</summary>
    internal static async Task<IReadOnlyDictionary<Guid, OrganizationTimes>> ExceptionsAsync(Shard shard, CancellationToken ct) =>
        (await shard.QueryAsync(Array.Empty<Guid>(), """
            SELECT organization_id, message_content_days, message_logs_days, ai_conversations_days, held, contacts
              FROM bsp.retention_exceptions()
            """, r => new OrganizationTimes(new(r.GetGuid(0), Int(r, 1), Int(r, 2), Int(r, 3), null, 1), r.GetBoolean(4),
            r.GetFieldValue<Guid[]>(5).ToHashSet()), ct)).ToDictionary(t => t.Policy.OrganizationId);

    /// <summary>Organizations that live on a shard, each with its times.</summary>
    internal static async Task<IReadOnlyList<OrganizationTimes>> OfShardAsync(Shards shards, Shard shard, Guid? only, CancellationToken ct)
    {
        var own = await ExceptionsAsync(shard, ct);
        var all = new List<OrganizationTimes>();
        await using var command = shards.Directory.CreateCommand(
            "SELECT organization_id FROM bsp.directory_organizations WHERE shard = $1 AND ($2 IS NULL OR organization_id = $2) ORDER BY 1");
        command.Parameters.Add(new() { Value = shard.Name });
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)only ?? DBNull.Value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetGuid(0);
            all.Add(own.GetValueOrDefault(id) ?? OrganizationTimes.Standard(id));
        }

        return all;
    }

    private static IEnumerable<string> Changed(PatchRetentionPolicy p) => new[]
    {
        ("message_content_days", p.MessageContentDays.IsSet), ("message_logs_days", p.MessageLogsDays.IsSet),
        ("ai_conversations_days", p.AiConversationsDays.IsSet),
    }.Where(f => f.Item2).Select(f => f.Item1);

    private static NpgsqlParameter Days(Optional<int?> given, int? before) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Integer, Value = (object?)(given.IsSet ? given.Value : before) ?? DBNull.Value };

    private static int? Int(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt32(column);

    private static RetentionPolicy Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), Int(r, 1), Int(r, 2), Int(r, 3), r.TimeOrNull(4), r.GetInt64(5));
}
