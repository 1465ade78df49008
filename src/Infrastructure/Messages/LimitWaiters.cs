using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Messages that wait for room under the messaging limit go on when there is some, for whatever reason: a day has passed, a place was given
/// back, Meta raised the limit.
/// </summary>
public sealed class LimitWaiters(SendingNumbers numbers, PortfolioRoom reach, Outbox outbox, TimeProvider clock)
{
    private const int WokenMax = 500; // of one number in one round

    /// <summary>One look at every number that has any.</summary>
    public async Task WakeAsync(Shard shard, CancellationToken ct)
    {
        var waiting = new List<(Guid Organization, Guid Account)>();
        await using (var command = shard.App.CreateCommand("SELECT organization_id, account_id FROM bsp.limit_waiters()"))
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                waiting.Add((reader.GetGuid(0), reader.GetGuid(1)));
            }
        }

        foreach (var (organization, account) in waiting)
        {
            await WakeAsync(shard, organization, account, ct);
        }
    }

    private async Task WakeAsync(Shard shard, Guid organizationId, Guid accountId, CancellationToken ct)
    {
        if (await numbers.FindAsync(organizationId, accountId, ct) is not { MaySend: true } number)
        {
            return;
        }

        var now = clock.GetUtcNow();
        List<SendJob> woken;
        await using (var transaction = await shard.BeginAsync(organizationId, ct))
        {
            var (free, _) = await reach.RoomAsync(transaction, organizationId, number, now, ct);
            woken = free == 0 ? [] : await transaction.QueryAsync(
                "SELECT message_id, campaign_id FROM bsp.wake_waiters($1, $2, $3, $4, $5)",
                r => new SendJob(organizationId, r.GetGuid(0), accountId, r.IsDBNull(1) ? null : r.GetGuid(1)), ct, organizationId,
                accountId, Math.Min(free, WokenMax), now.UtcDateTime, Campaign.SendingWords);
            await transaction.CommitAsync(ct);
        }

        await outbox.PutAsync(woken, ct, again: true);
    }
}
