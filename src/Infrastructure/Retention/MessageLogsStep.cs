using Bsp.Application.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>
/// Deletes logs of messages: of all who have no time of their own in one go, by an owner's function, then of each who has. MongoDB expires
/// them by its index; shorter times are carried out here.
/// </summary>
internal sealed class MessageLogsStep(Shards shards, IOldDocuments documents, TimeProvider clock) : IRetentionStep
{
    /// <summary>Rows deleted in one transaction.</summary>
    public const int PageRows = 2_000;

    public string Kind => RetentionRules.MessageLogs;

    public IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only, CancellationToken ct) =>
        EachOrganization.DueAsync(shards, shard, only, Kind, documents, OldKind.Logs, clock.GetUtcNow(), ct);

    public async Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!documents.ExpiresLogs)
        {
            await PagesAsync(() => SweepAsync(shard, now.AddDays(-RetentionRules.Of(Kind).Days), ct), beat);
        }

        foreach (var times in (await RetentionPolicies.ExceptionsAsync(shard, ct)).Values
            .Where(t => t is { Held: false, Policy.MessageLogsDays: not null }))
        {
            await PagesAsync(() =>
                documents.DeleteLogsAsync(shard, times.Policy.OrganizationId, times.Before(Kind, now), PageRows, ct), beat);
        }
    }

    private static async Task PagesAsync(Func<Task<int>> page, Func<long, Task> beat)
    {
        int rows;
        do
        {
            rows = await page();
            await beat(rows);
        }
        while (rows == PageRows);
    }

    private static async Task<int> SweepAsync(Shard shard, DateTimeOffset before, CancellationToken ct) =>
        (await shard.QueryAsync(Array.Empty<Guid>(), "SELECT documents.sweep_logs($1, $2)", r => r.GetInt32(0), ct, before.UtcDateTime,
            PageRows))[0];
}
