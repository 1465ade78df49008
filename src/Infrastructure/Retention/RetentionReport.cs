using Bsp.Application.Common;
using Bsp.Application.Retention;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Retention;

/// <summary>What is kept for how long, how far the work is, and what would go.</summary>
public sealed class RetentionReport(RetentionWorker worker, RetentionSignal signal, Shards shards, TimeProvider clock)
    : IRequestHandler<GetRetention, IReadOnlyList<RetentionState>>, IRequestHandler<RunRetention, IReadOnlyList<RetentionDue>>
{
    // Of a dry run over all organizations only those are named that have something; more than this are counted together.
    private const int NamedMax = 1_000;
    private const int KindsByOrganization = 3; // messages, logs, AI histories

    public async Task<IReadOnlyList<RetentionState>> Handle(GetRetention query, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var rounds = new Dictionary<string, List<(Shard Shard, RoundRow Row)>>();
        foreach (var shard in shards.All)
        {
            foreach (var row in await RetentionRounds.ListAsync(shard, ct))
            {
                (rounds.TryGetValue(row.Kind, out var of) ? of : rounds[row.Kind] = []).Add((shard, row));
            }
        }

        return [.. RetentionRules.All.SelectMany(rule => rounds.TryGetValue(rule.Kind, out var of)
            ? of.Select(round => State(rule, round.Shard.Name, round.Row, now)) : [State(rule, null, null, now)])];
    }

    public async Task<IReadOnlyList<RetentionDue>> Handle(RunRetention command, CancellationToken ct)
    {
        if (command.DryRun)
        {
            return await DueAsync(command.OrganizationId, (_, _) => { }, ct);
        }

        await worker.HurryAsync(ct);
        signal.Raise();
        return [];
    }

    /// <summary>What is past its time, kind after kind; those with nothing are left out, but for one that is asked for alone.</summary>
    /// <param name="progress">After each organization and kind: how many were looked at, of how many about.</param>
    public async Task<IReadOnlyList<RetentionDue>> DueAsync(Guid? only, Action<int, int> progress, CancellationToken ct)
    {
        var (found, looked, all) = (new List<RetentionDue>(), 0, 0);
        var others = new Dictionary<(string Kind, string Shard, DateTimeOffset Before, bool Held), RetentionDue>();
        foreach (var shard in only is { } id ? [await shards.OfAsync(id, ct)] : shards.All)
        {
            all += KindsByOrganization * (await RetentionPolicies.OfShardAsync(shards, shard, only, ct)).Count;
            foreach (var step in RetentionRules.All.Select(rule => worker.StepOf(rule.Kind)).OfType<IRetentionStep>())
            {
                await foreach (var due in step.DueAsync(shard, only, ct))
                {
                    progress(++looked, Math.Max(looked, all));
                    if (due.Due == 0 && only is null)
                    {
                        continue;
                    }

                    if (found.Count < NamedMax)
                    {
                        found.Add(due);
                        continue;
                    }

                    var key = (due.Kind, due.Shard, due.Before, due.Held);
                    var sum = others.GetValueOrDefault(key) ?? due with { OrganizationId = null, Due = 0 };
                    others[key] = sum with { Due = sum.Due + due.Due, Oldest = Earlier(sum.Oldest, due.Oldest) };
                }
            }
        }

        return [.. found, .. others.Values];
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null ? other : other is null || one < other ? one : other;

    private static RetentionState State(RetentionRule rule, string? shard, RoundRow? row, DateTimeOffset now) =>
        new(rule.Kind, rule.Store, rule.Strategy, rule.By, rule.What, rule.Hours, shard,
            row is null ? null : row.LeasedUntil > now ? "running" : row.Error is null ? "idle" : "trouble", row?.DueAt, row?.CompletedAt,
            row?.Gone, row?.GoneTotal, row?.Error);
}

/// <summary>Every kind's last round worked.</summary>
public sealed class RetentionHealth(Shards shards) : IStoreHealth
{
    public string Name => "retention";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        var troubles = new List<string>();
        foreach (var shard in shards.All)
        {
            try
            {
                troubles.AddRange((await RetentionRounds.ListAsync(shard, ct)).Where(row => row.Error is not null)
                    .Select(row => $"{row.Kind}: {row.Error}"));
            }
            catch (Npgsql.NpgsqlException)
            {
                return "What is due cannot be looked up: PostgreSQL does not answer."; // postgres says it, too
            }
        }

        return troubles.Count == 0 ? null : string.Join(' ', troubles.Distinct().Take(3));
    }
}
