using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Wakes the worker of audits.</summary>
public sealed class AuditSignal : WorkSignal;

/// <summary>One under way for an organization: the index decides, not a look before the write. The last reports are kept.</summary>
public sealed class StartLedgerAuditHandler(Shards shards, AuditSignal signal) : IRequestHandler<StartLedgerAudit, Done>
{
    private const int ReportsKept = 100;

    public async Task<Done> Handle(StartLedgerAudit command, CancellationToken ct)
    {
        var (shard, id) = (await shards.OfAsync(command.OrganizationId, ct), CurrentRequest.NewId());
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        try
        {
            await transaction.ExecuteAsync(
                "INSERT INTO bsp.ledger_audits (id, organization_id, from_month, to_month) VALUES ($1, $2, $3, $4)", ct,
                id, command.OrganizationId, Parameter.Of(command.From), Parameter.Of(command.To));
        }
        catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "ledger_audits_running" })
        {
            throw new Refusal("audit.running",
                "An audit of this organization is under way: ask for its report, and for another one afterwards.");
        }

        await transaction.ExecuteAsync("""
            DELETE FROM bsp.ledger_audits a WHERE a.organization_id = $1 AND a.status <> 'running'
               AND a.id < (SELECT k.id FROM bsp.ledger_audits k WHERE k.organization_id = $1 ORDER BY k.id DESC OFFSET $2 LIMIT 1)
            """, ct, command.OrganizationId, ReportsKept);
        await transaction.CommitAsync(ct);
        signal.Raise();
        return new(id, 0);
    }
}

public sealed class GetLedgerAuditHandler(Shards shards) : IRequestHandler<GetLedgerAudit, LedgerAuditView>
{
    public async Task<LedgerAuditView> Handle(GetLedgerAudit query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        return await shard.FirstAsync(query.OrganizationId, """
            SELECT id, status, from_month, to_month, entries, months, first_fault::text, checks::text, error, created_at, completed_at
              FROM bsp.ledger_audits WHERE id = $1
            """, r => new LedgerAuditView(r.GetGuid(0), r.GetString(1), r.TextOrNull(2), r.TextOrNull(3), r.GetInt64(4), r.GetInt32(5),
                r.IsDBNull(6) ? null : JsonSerializer.Deserialize<LedgerFault>(r.GetString(6)),
                    JsonSerializer.Deserialize<LedgerCheck[]>(r.GetString(7))!, r.TextOrNull(8),
                r.GetFieldValue<DateTimeOffset>(9), r.TimeOrNull(10)), ct, query.Id)
            ?? throw new Refusal("audit.unknown", "There is no such audit.");
    }
}

/// <summary>Values that may be null, with the type that PostgreSQL could not guess then.</summary>
internal static class Parameter
{
    public static NpgsqlParameter Of(string? text) => new() { Value = (object?)text ?? DBNull.Value, NpgsqlDbType =
        NpgsqlTypes.NpgsqlDbType.Text };

    public static NpgsqlParameter Of(int? number) => new() { Value = (object?)number ?? DBNull.Value, NpgsqlDbType =
        NpgsqlTypes.NpgsqlDbType.Integer };
}
