using Bsp.Application.Accounts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Accounts;

/// <summary>The row takes what is told; told again it stays as it is.</summary>
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
              messaging_limit = coalesce($4, messaging_limit), updated_at = now(), row_version = row_version + 1
             WHERE organization_id = $1 AND id = $2 AND (coalesce($3, quality_rating_exact), coalesce($4, messaging_limit)) IS DISTINCT FROM (quality_rating_exact, messaging_limit)
            """, ct, command.OrganizationId, command.AccountId,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)command.Quality ?? DBNull.Value },
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer, Value = (object?)command.MessagingLimit ?? DBNull.Value });
        await transaction.CommitAsync(ct);
        return changed > 0;
    }
}
