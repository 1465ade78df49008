using Bsp.Application.Accounts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Accounts;

/// <summary>
/// The row takes what is told; told again it stays as it is. The messaging limit is the portfolio's: all its numbers take it.
/// </summary>
public sealed class RecordNumberFactsHandler(Shards shards) : IRequestHandler<RecordNumberFacts, bool>
{
    public async Task<bool> Handle(RecordNumberFacts command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var changed = await transaction.ExecuteAsync("""
            UPDATE whatsapp_accounts SET
              quality_rating_exact = coalesce($3, quality_rating_exact),
              quality_rating = CASE WHEN $3 IN ('GREEN', 'YELLOW', 'RED') THEN $3 ELSE quality_rating END,
              updated_at = now(), row_version = row_version + 1
             WHERE organization_id = $1 AND id = $2 AND coalesce($3, quality_rating_exact) IS DISTINCT FROM quality_rating_exact
            """, ct, command.OrganizationId, command.AccountId,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)command.Quality ?? DBNull.Value });
        changed += command.MessagingLimit is not { } limit ? 0 : await transaction.ExecuteAsync("""
            UPDATE whatsapp_accounts a SET messaging_limit = $3, updated_at = now(), row_version = a.row_version + 1
              FROM organizations o, whatsapp_accounts told
             WHERE o.id = $1 AND told.id = $2 AND told.organization_id = $1 AND a.organization_id = $1 AND a.messaging_limit <> $3
               AND bsp.portfolio_of(o.meta_business_id, a.meta_waba_id) = bsp.portfolio_of(o.meta_business_id, told.meta_waba_id)
            """, ct, command.OrganizationId, command.AccountId, limit);
        changed += await AccountNumbers.PaceAsync(transaction, command.OrganizationId, command.AccountId, command.HighThroughput, ct);
        await transaction.CommitAsync(ct);
        return changed > 0;
    }
}
