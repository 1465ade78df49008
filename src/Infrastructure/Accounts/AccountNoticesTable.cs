using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Accounts;

/// <summary><c>bsp.account_notices</c>, and the columns of accounts that they change.</summary>
public sealed class AccountNoticesTable(Shards shards) : IRequestHandler<RecordAccountStanding, bool>,
    IRequestHandler<RecordAccountNotice, bool>, IRequestHandler<ListAccountNotices, Page<AccountNotice>>
{
    // Of one organization and day; what is beyond lies in the journal alone.
    private const int OfDayMax = 5_000;
    private static readonly Guid Last = new("ffffffff-ffff-ffff-ffff-ffffffffffff");

    public async Task<bool> Handle(RecordAccountStanding command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var changed = await transaction.ExecuteAsync("""
            UPDATE whatsapp_accounts SET
              name_status = coalesce($3, name_status),
              display_name = CASE WHEN $3 = 'APPROVED' THEN coalesce($4, requested_name, display_name) ELSE display_name END,
              requested_name = CASE WHEN $3 IS NULL THEN requested_name WHEN $3 IN ('PENDING', 'DEFERRED') THEN coalesce($4, requested_name)
                  END,
              review_status = coalesce($5, review_status),
              messages_per_second_max = CASE WHEN coexistence THEN messages_per_second_max ELSE coalesce($6, messages_per_second_max) END,
              restriction = CASE WHEN $7::text IS NULL THEN restriction ELSE nullif($7, '') END,
              restricted_until = CASE WHEN $7::text IS NULL THEN restricted_until ELSE $8 END,
              updated_at = now(), row_version = row_version + 1
             WHERE organization_id = $1 AND id = $2
            """, ct, command.OrganizationId, command.AccountId, Text(command.NameStatus), Text(command.RequestedName),
            Text(command.ReviewStatus), new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer,
                Value = (object?)command.MessagesPerSecondMax ?? DBNull.Value },
            Text(command.Restriction), new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.TimestampTz,
                Value = command.RestrictedUntil is { } until ? until.UtcDateTime : DBNull.Value });
        await transaction.CommitAsync(ct);
        return changed > 0;
    }

    public async Task<bool> Handle(RecordAccountNotice command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var kept = await transaction.ExecuteAsync("""
            INSERT INTO bsp.account_notices (id, organization_id, waba_id, account_id, field, event, body, at, key)
            SELECT $2, $1, $3, $4, $5, $6, $7::jsonb, $8, $9
             WHERE (SELECT count(*) FROM (SELECT FROM bsp.account_notices n WHERE n.organization_id = $1 AND n.waba_id = $3
                     AND n.id >= $10 LIMIT $11) AS day) < $11
            ON CONFLICT (organization_id, key) DO NOTHING
            """, ct, command.OrganizationId, Uuid.New(command.At), command.WabaId, new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Uuid,
                Value = (object?)command.AccountId ?? DBNull.Value }, command.Field, Text(command.Event), command.Body.GetRawText(),
            command.At.UtcDateTime, command.Key, Uuid.Least(command.At.AddDays(-1)), OfDayMax);
        await transaction.CommitAsync(ct);
        return kept > 0;
    }

    public async Task<Page<AccountNotice>> Handle(ListAccountNotices query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var waba = await shard.FirstAsync(query.OrganizationId,
            "SELECT meta_waba_id FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2", r => r.GetString(0), ct,
            query.OrganizationId, query.AccountId) ?? throw new Refusal("account.unknown", "There is no such account.");
        var rows = await shard.QueryAsync(query.OrganizationId, """
            SELECT id, waba_id, account_id, field, event, body, at FROM bsp.account_notices
             WHERE organization_id = $1 AND waba_id = $2 AND id < $3 AND (account_id IS NULL OR account_id = $4)
               AND ($5::text IS NULL OR field = $5)
             ORDER BY id DESC LIMIT $6
            """, r => new AccountNotice(r.GetGuid(0), r.GetString(1), r.IsDBNull(2) ? null : r.GetGuid(2), r.GetString(3), r.TextOrNull(4),
                r.Json(5), r.GetFieldValue<DateTimeOffset>(6)), ct, query.OrganizationId, waba,
            query.Cursor is null ? Last : Guid.Parse(query.Cursor), query.AccountId, Text(query.Field), query.Limit + 1);
        return Keyset.Of(rows, query.Limit, n => n.Id);
    }

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}

/// <summary>Forgets notices after half a year.</summary>
public sealed partial class AccountNoticesSweep(Shards shards, TimeProvider clock, ILogger<AccountNoticesSweep> log)
    : ShardSweep(shards, clock, TimeSpan.FromMinutes(11))
{
    private const int RowsAtOnce = 10_000;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(183);

    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT bsp.sweep_account_notices($1, $2)");
        command.Parameters.Add(new() { Value = (Clock.GetUtcNow() - Kept).UtcDateTime });
        command.Parameters.Add(new() { Value = RowsAtOnce });
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    protected override void LogFailed(Exception e, string shard) => LogRound(e, shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "account notices: shard {Shard} could not be swept; trying again")]
    private partial void LogRound(Exception e, string shard);
}
