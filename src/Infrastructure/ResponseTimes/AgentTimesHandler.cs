using Bsp.Application.Analytics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.ResponseTimes;

/// <summary>Answers <c>/v1/analytics/agents</c> from <c>bsp.response_times</c>: medians need every row, of which there is one an
/// answer.</summary>
public sealed class AgentTimesHandler(Shards shards, TimeProvider clock) : IRequestHandler<GetAgentTimes, Report<AgentRow>>
{
    public async Task<Report<AgentRow>> Handle(GetAgentTimes query, CancellationToken ct)
    {
        var (scope, by) = (query.Scope, query.GroupBy);
        var shard = await shards.OfAsync(scope.OrganizationId, ct);
        var zone = scope.Zone ?? await ZoneAsync(shard, scope.OrganizationId, ct);
        await RequireZoneAsync(shard, scope.OrganizationId, zone, ct);
        var counted = await shard.QueryAsync(scope.OrganizationId, "SELECT sequence FROM bsp.projections WHERE name = $1", r =>
            r.GetInt64(0), ct,
            ViewNames.ResponseTimes);
        var rows = await shard.QueryAsync(scope.OrganizationId, $"""
            SELECT {Key(by)}, t.kind, count(*), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY t.seconds),
                   percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY t.business_seconds)
              FROM bsp.response_times t
             WHERE t.organization_id = $1 AND t.at >= ($2::date::timestamp AT TIME ZONE $4) AND t.at < (($3::date + 1)::timestamp AT TIME
                 ZONE $4)
               AND ($5::uuid IS NULL OR t.account_id = $5) GROUP BY 1, 2 ORDER BY 1, 2
            """, r => (Key: r.IsDBNull(0) ? "" : r.GetString(0), Kind: r.GetString(1), Number: r.GetInt64(2),
                All: r.GetFieldValue<double[]>(3),
                Business: r.GetFieldValue<double[]>(4)), ct, scope.OrganizationId, scope.From, scope.To, zone, Id(scope.AccountId));
        var waiting = await WaitingAsync(shard, scope, by, ct);
        var names = by == "agent" ? await NamesAsync(shard, scope.OrganizationId, rows.Select(r => r.Key).Concat(waiting.Keys), ct) : [];
        var groups = rows.GroupBy(r => r.Key).ToDictionary(g => g.Key, g => g.ToDictionary(r => r.Kind, r => new ResponseTimeStats(r.Number,
            Seconds(r.All[0]), Seconds(r.All[1]), Seconds(r.Business[0]), Seconds(r.Business[1]))));
        return new([.. groups.Keys.Union(waiting.Keys).Order(StringComparer.Ordinal).Select(key =>
        {
            var own = groups.GetValueOrDefault(key, []);
            var (number, longest) = waiting.GetValueOrDefault(key);
            return new AgentRow(key, names.GetValueOrDefault(key), own.GetValueOrDefault("first", ResponseTimeStats.None),
                own.GetValueOrDefault("next", ResponseTimeStats.None), own.GetValueOrDefault("resolution", ResponseTimeStats.None), number,
                number == 0 ? null : longest);
        })], zone, counted is [var sequence] ? new(new Position(shard.Epoch, sequence).ToToken(), clock.GetUtcNow()) : null);
    }

    private static string Key(string by) => by switch
    {
        "day" => "(t.at AT TIME ZONE $4)::date::text",
        "week" => "date_trunc('week', t.at AT TIME ZONE $4)::date::text",
        "month" => "to_char(t.at AT TIME ZONE $4, 'YYYY-MM')",
        "team" => "coalesce(t.team_id::text, '')",
        "account" => "t.account_id::text",
        "kind" => "t.kind",
        _ => "coalesce(t.by, '')",
    };

    // Customers who wait now, by who is to answer them: apart from the times, which only answers have.
    private async Task<Dictionary<string, (long Number, long Longest)>> WaitingAsync(Shard shard, AnalyticsScope scope, string by,
        CancellationToken ct)
    {
        if (by is not ("agent" or "team" or "account"))
        {
            return [];
        }

        var key = by switch { "team" => "coalesce(c.team_id::text, '')", "account" => "c.account_id::text", _ =>
            "coalesce(c.assigned_to::text, '')" };
        var now = clock.GetUtcNow();
        return (await shard.QueryAsync(scope.OrganizationId, $"""
            SELECT {key}, count(*), min(c.waiting_since) FROM bsp.response_clocks c
             WHERE c.organization_id = $1 AND c.waiting_since IS NOT NULL AND ($2::uuid IS NULL OR c.account_id = $2) GROUP BY 1
            """, r => (Key: r.GetString(0), Number: r.GetInt64(1), Since: r.GetFieldValue<DateTimeOffset>(2)), ct, scope.OrganizationId,
            Id(scope.AccountId))).ToDictionary(r => r.Key, r => (r.Number, Math.Max(0, (long)(now - r.Since).TotalSeconds)));
    }

    private static async Task<Dictionary<string, string>> NamesAsync(Shard shard, Guid organizationId, IEnumerable<string> keys,
        CancellationToken ct) => (await shard.QueryAsync(organizationId, """
            SELECT u.id::text, concat_ws(' ', u.first_name, u.last_name) FROM users u WHERE u.id = ANY ($1) AND (u.organization_id = $2)
                IS TRUE
            """, r => (Id: r.GetString(0), Name: r.GetString(1)), ct,
            keys.Select(k => Guid.TryParse(k, out var id) ? id : Guid.Empty).Distinct()
            .ToArray(), organizationId)).Where(u => u.Name.Length > 0).ToDictionary(u => u.Id, u => u.Name);

    private static async Task<string> ZoneAsync(Shard shard, Guid organizationId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, "SELECT settings ->> 'time_zone' FROM organizations WHERE id = $1",
            r => r.IsDBNull(0) ? null : r.GetString(0), ct, organizationId) is { } own && AnalyticsScopeValidator.ZoneName().IsMatch(own)
                ? own
        : "UTC";

    private static async Task RequireZoneAsync(Shard shard, Guid organizationId, string zone, CancellationToken ct)
    {
        try
        {
            await shard.QueryAsync(organizationId, "SELECT now() AT TIME ZONE $1", r => r.FieldCount, ct, zone);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidParameterValue)
        {
            throw new Domain.Common.Refusal("analytics.zone", $"There is no time zone '{zone}': give a name such as Africa/Cairo.");
        }
    }

    private static long Seconds(double seconds) => (long)Math.Round(seconds);

    private static NpgsqlParameter Id(Guid? id) => new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = (object?)id ?? DBNull.Value };
}
