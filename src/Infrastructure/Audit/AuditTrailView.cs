using System.Text.Json;
using Bsp.Application.Audit;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Audit;

/// <summary><c>bsp.audit_trail</c>: administrative acts where they can be searched, in the append's own transaction.</summary>
public sealed class AuditTrailView(Shards shards) : IInlineView, IRequestHandler<ListAuditTrail, Page<AuditEntry>>
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["administrative_act_done"];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var acts = events.Where(e => e.Body is AdministrativeActDone).Select(e => (Stored: e, Act: (AdministrativeActDone)e.Body!))
            .ToList();
        batch.BatchCommands.Add(new("""
            INSERT INTO bsp.audit_trail (organization_id, id, at, act, actor, address, target_type, target_id, changed)
            SELECT o, i, at, act, actor, address, tt, t, CASE WHEN c IS NULL THEN NULL ELSE ARRAY (SELECT jsonb_array_elements_text(c::jsonb)) END
              FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[]) AS a (o, i, at, act, actor, address, tt, t, c)
            ON CONFLICT (organization_id, id) DO NOTHING
            """)
        {
            Parameters =
            {
                new() { Value = acts.ConvertAll(a => a.Stored.OrganizationId).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Stored.Id).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.At.UtcDateTime).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.Act).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.Actor).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.Address).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.TargetType).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.TargetId).ToArray() },
                new() { Value = acts.ConvertAll(a => a.Act.Changed is { } changed ? JsonSerializer.Serialize(changed) : null).ToArray() },
            },
        });
    }

    public async Task<Page<AuditEntry>> Handle(ListAuditTrail request, CancellationToken cancellationToken)
    {
        var home = request.OrganizationId == Guid.Empty ? shards.DirectoryHome()
            : await shards.OfAsync(request.OrganizationId, cancellationToken);
        var rows = await home.QueryAsync(request.OrganizationId, """
            SELECT id, at, actor, act, address, target_type, target_id, changed FROM bsp.audit_trail
             WHERE organization_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR act = $4)
               AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
             ORDER BY id DESC LIMIT $7
            """, Row, cancellationToken, request.OrganizationId, request.Cursor is null ? null : Guid.Parse(request.Cursor), request.Actor, request.Type, request.From?.UtcDateTime, request.To?.UtcDateTime, request.Limit + 1);
        return Keyset.Of(rows, request.Limit, entry => entry.Id);
    }

    private static AuditEntry Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetFieldValue<DateTimeOffset>(1), r.GetString(2), r.GetString(3), r.TextOrNull(4), r.GetString(5),
            r.GuidOrNull(6),
        r.IsDBNull(7) ? [] : r.GetFieldValue<string[]>(7));
}
