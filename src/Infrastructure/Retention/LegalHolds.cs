using Bsp.Application.Common;
using Bsp.Application.Retention;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Retention;

/// <summary><c>bsp.legal_holds</c>: what may not go.</summary>
public sealed class LegalHolds(Shards shards, AuditLog audit, TimeProvider clock) : IRequestHandler<ListLegalHolds, Page<LegalHold>>,
    IRequestHandler<GetLegalHold, LegalHold>, IRequestHandler<PlaceLegalHold, Done>, IRequestHandler<ReleaseLegalHold, Done>
{
    /// <summary>Standing holds of one organization, at most.</summary>
    public const int StandingMax = 1_000;

    private const string Select = """
        SELECT id, organization_id, contact_id, reason, placed_at, placed_by, released_at, released_by FROM bsp.legal_holds
        """;

    public async Task<Page<LegalHold>> Handle(ListLegalHolds query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        return Keyset.Of(await shard.QueryAsync(query.OrganizationId,
            $"{Select} WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", Row, ct, query.OrganizationId,
            Keyset.After(query.Cursor), query.Limit + 1), query.Limit, hold => hold.Id);
    }

    public async Task<LegalHold> Handle(GetLegalHold query, CancellationToken ct) =>
        await (await shards.OfAsync(query.OrganizationId, ct)).FirstAsync(query.OrganizationId,
            $"{Select} WHERE organization_id = $1 AND id = $2", Row, ct, query.OrganizationId, query.Id) ?? throw Unknown();

    public async Task<Done> Handle(PlaceLegalHold command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
        if (command.ContactId is { } contact && (await tx.QueryAsync("SELECT 1 FROM contacts WHERE organization_id = $1 AND id = $2",
            _ => 1, ct, command.OrganizationId, contact)).Count == 0)
        {
            throw new Refusal("contact.unknown", "There is no such contact.");
        }

        if ((await tx.QueryAsync("SELECT count(*) FROM bsp.legal_holds WHERE organization_id = $1 AND released_at IS NULL",
            r => r.GetInt64(0), ct, command.OrganizationId))[0] >= StandingMax)
        {
            throw new Refusal("legal_hold.too_many", $"{StandingMax} holds stand already: release some, or hold the whole organization.");
        }

        var placed = await tx.ExecuteAsync("""
            INSERT INTO bsp.legal_holds (id, organization_id, contact_id, reason, placed_at, placed_by) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT DO NOTHING
            """, ct, command.Id, command.OrganizationId,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)command.ContactId ?? DBNull.Value },
            command.Reason, clock.GetUtcNow().UtcDateTime, Who());
        if (placed == 0)
        {
            throw new Refusal("legal_hold.stands", "Such a hold stands already.");
        }

        await audit.NoteAsync(tx, shard, command.OrganizationId, "legal_hold.placed", "legal_hold", command.Id, null, ct);
        await tx.CommitAsync(ct);
        return new(command.Id, 0);
    }

    public async Task<Done> Handle(ReleaseLegalHold command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
        var released = await tx.ExecuteAsync("""
            UPDATE bsp.legal_holds SET released_at = $3, released_by = $4 WHERE organization_id = $1 AND id = $2 AND released_at IS NULL
            """, ct, command.OrganizationId, command.Id, clock.GetUtcNow().UtcDateTime, Who());
        if (released > 0)
        {
            await audit.NoteAsync(tx, shard, command.OrganizationId, "legal_hold.released", "legal_hold", command.Id, null, ct);
        }
        else if ((await tx.QueryAsync("SELECT 1 FROM bsp.legal_holds WHERE organization_id = $1 AND id = $2", _ => 1, ct,
            command.OrganizationId, command.Id)).Count == 0)
        {
            throw Unknown();
        }

        await tx.CommitAsync(ct);
        return new(command.Id, 0);
    }

    private static string Who() => CurrentRequest.Value?.Caller ?? "anonymous";

    private static Refusal Unknown() => new("legal_hold.unknown", "There is no such hold.");

    private static LegalHold Row(NpgsqlDataReader r) => new(r.GetGuid(0), r.GetGuid(1), r.GuidOrNull(2), r.GetString(3),
        r.GetFieldValue<DateTimeOffset>(4), r.GetString(5), r.TimeOrNull(6), r.TextOrNull(7));
}
